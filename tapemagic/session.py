"""One traced run of one cell: rewrite, record, build the trace, diagnose, report."""

from __future__ import annotations

import ast
import gc
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import CodeType
from typing import TYPE_CHECKING, Any, ClassVar

from tapemagic.cell.adopt import MOST_LINES, functions_of, is_own, kept, label_of, text_of, watch
from tapemagic.cell.rewrite import rewrite
from tapemagic.cell.text import CellText
from tapemagic.cell.trees import codes, embed
from tapemagic.options import RunOptions
from tapemagic.owntape import OwnTape
from tapemagic.recorder.flow import inert_flags, inert_hooks
from tapemagic.recorder.heritage import Heritage, places
from tapemagic.recorder.log import Log
from tapemagic.recorder.patches import to_the_end
from tapemagic.recorder.private import is_imported
from tapemagic.recorder.recorder import Recorder
from tapemagic.report.model import Report, Why
from tapemagic.tracebacks import prune

if TYPE_CHECKING:
    from tapemagic.trying.around import Around

MOST_PAST = 50_000
"""Rows up to which an earlier cell's are kept while a tape of it can be asked."""


class SessionActive(RuntimeError):
    """A trace was started inside another one."""


@dataclass(slots=True)
class Past:
    """The rows of an earlier cell, kept while a tape of it can still be asked."""

    log: Log
    tapes: dict[int, tuple[Any, int]]
    texts: dict[str, CellText]


class Session:
    """Runs once: :meth:`rewrite`, :meth:`embed`, :meth:`start`, then :meth:`finish`.

    Args:
        source: Text whose line numbers are those of the code.
        namespace: Where the code runs.
        filename: ``co_filename`` of the code; may be set later, before :meth:`start`.
        options: How the cell is run.
    """

    active: Session | None = None
    _past: Past | None = None
    _heritage = Heritage()
    _reasons: ClassVar[dict[int, Why]] = {}  # by source, of the last report

    def __init__(
        self,
        source: str,
        namespace: dict[str, Any],
        *,
        filename: str | None = None,
        options: RunOptions | None = None,
    ) -> None:
        self.namespace = namespace
        self.options = options or RunOptions()
        self.text = CellText(source, filename or "<cell>")
        self.own: OwnTape | None = None
        self.recorder = Recorder(self._armed)
        self.recorder.flow.text = self.text  # type: ignore[attr-defined]
        self.recorder.flow.imported = self._adopt
        self._texts: dict[str, CellText] = {}
        self._plain: dict[tuple[str, int], CodeType] = {}
        self._begun = self._begun_queries = self._begun_tapes = 0  # rows of earlier cells
        self._whole = False
        self._adopted: dict[str, tuple[CellText, dict[tuple[str, int], CodeType]] | None] = {}
        self._lines = 0  # of modules that are watched
        self.given: list[Any] = []  # functions to watch, wherever they were defined
        self.told: Callable[[str], None] = lambda _doing: None  # of a report that takes long
        self._around: Around | None = None  # what trying the fixes needs from before the cell

    @property
    def filename(self) -> str:
        """The ``co_filename`` of the cell's code."""
        return self.text.filename

    @filename.setter
    def filename(self, filename: str) -> None:
        self.text.filename = filename

    # -- before the run

    def rewrite(self, tree: ast.Module) -> ast.Module:
        """The tree with hooks in it; the plain tree if that fails."""
        self._read_plain(tree)
        self.own = OwnTape.wanted(self.options, tree, self.recorder)
        flow = self.recorder.flow
        try:
            made = rewrite(
                self.text, tree, keep_last=self.own is not None, modules=_modules(self.namespace)
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(
                    made.tree,
                    self.filename,
                    "exec",
                    ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
                    dont_inherit=True,
                )
            flow.add(made)
        except Exception as fault:
            self.recorder.log.fault("rewriting", fault)
            return tree
        self._whole = True
        return made.tree

    def _read_plain(self, tree: ast.Module) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                plain = compile(
                    tree, self.filename, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
                )
            for code in codes(plain):
                self._plain[code.co_qualname, code.co_firstlineno] = code
        except Exception as fault:
            self.recorder.log.fault("rewriting", fault)

    def embed(self, code: CodeType) -> CodeType:
        """``code`` with the hooks in place of their placeholders."""
        try:
            return self._embedded(code)
        except Exception as fault:
            self.recorder.log.fault("rewriting", fault)
            return embed(code, inert_hooks(), inert_flags())

    def _embedded(self, code: CodeType) -> CodeType:
        flow = self.recorder.flow
        made = embed(code, flow.hooks, flow.flags)
        for inner in codes(made):
            plain = self._plain.get((inner.co_qualname, inner.co_firstlineno))
            if plain is not None and flow.hooks in inner.co_consts:
                if plain.co_filename != inner.co_filename:
                    plain = _renamed(plain, inner.co_filename)
                flow.rewritten[id(inner)] = (plain, inner)
        self._know_literals(made)
        return made

    def _know_literals(self, code: CodeType) -> None:
        try:
            for inner in codes(code):
                self.recorder.flow.know_literals(inner)
        except Exception as fault:
            self.recorder.log.fault("data flow", fault)

    # -- the run

    def start(self) -> None:
        """Arm the probes, now or when the cell imports TensorFlow.

        Raises:
            SessionActive: If another trace is running.
        """
        if Session.active is not None:
            raise SessionActive("Another tapemagic trace is running; it must end first.")
        if self.options.try_fixes:
            from tapemagic.trying.around import Around

            self._around = Around(self.namespace, self.options)
        try:
            self._start()
        except BaseException:  # Ctrl-C while the probes are armed
            to_the_end(self._disarm)
            raise

    def _start(self) -> None:
        Session.active = self
        self._texts[self.filename] = self.text
        log = self.recorder.log
        log.person.add(self.filename)
        try:
            self._continue()
            self._inherit()
            self._adopt()
        except Exception as fault:
            log.fault("start", fault)
        self.recorder.start()

    def _disarm(self) -> None:
        try:
            self.recorder.stop()
        except Exception as fault:
            self.recorder.log.fault("restore", fault)
        self.recorder.log.mend()
        Session.active = None

    def _armed(self) -> None:
        past = Session._past
        tapes = self.recorder.tapes
        if past is not None and tapes is not None and self.recorder.log is past.log:
            tapes.ids.update(past.tapes)
        for value in list(self.namespace.values()):
            if hasattr(type(value), "_numpy_internal"):
                self.recorder.log.note_tensor(value)  # older than any op of this cell
        if self.own is not None:
            self.own.open(self.namespace)

    def _continue(self) -> None:
        """Go on with the rows of an earlier cell whose tape can still be asked."""
        past = Session._past
        if past is None:
            return
        if not any(_can_be_asked(ref()) for ref, _ in past.tapes.values()):
            Session._past = None
            return
        log, mine = past.log, self.recorder.log
        log.faults.clear()
        log.notes.clear()
        log.refused.clear()
        log.traced.clear()
        log.person |= mine.person
        for text in past.texts.values():
            if text.label is None:
                text.label = label_of(text.filename)
        self._texts = {**past.texts, **self._texts}
        self._begun = len(log.ops)
        self._begun_queries = len(log.queries)
        self._begun_tapes = len(log.tapes)
        self.recorder.go_on(log)

    def _inherit(self) -> None:
        """Know what names hold from earlier traced cells."""
        heritage = Session._heritage
        heritage.forget(self.namespace, self.recorder.kinds)
        for text in heritage.texts.values():
            if text.label is None and text.file is None and text is not self.text:
                text.label = label_of(text.filename)
        self._texts = {**heritage.texts, **self._texts}
        heritage.give(self.recorder.log, self.recorder.flow)

    def _bequeath(self) -> None:
        """Keep what names hold, for later cells: while the marks still stand on the values."""
        flow, log = self.recorder.flow, self.recorder.log
        marks = {}
        if flow.marked or flow.top.shared:
            for name, value in places(self.namespace, self.recorder.kinds):
                shared = flow.top.shared.get(name)
                mark = shared[1] if shared is not None and shared[0] is value else None
                mark = flow.mark_of(value) if mark is None else mark
                if mark is not None:
                    marks[name] = mark
        kinds, texts = self.recorder.kinds, self._texts.values()
        Session._heritage.take(self.namespace, log, kinds, marks, texts)

    def _adopt(self) -> None:
        flow, texts = self.recorder.flow, self._adopted
        given = {id(f) for f in functions_of(dict(enumerate(self.given)))}  # type: ignore[arg-type]
        for function in (*functions_of(self.namespace), *functions_of(dict(enumerate(self.given)))):  # type: ignore[arg-type]
            code = function.__code__
            name = code.co_filename
            if name == self.filename and id(function) not in given:
                continue
            if name not in texts:
                anywhere = id(function) in given or is_own(function.__module__)
                names = function.__globals__
                texts[name] = self._watched(name, code, names, anywhere=anywhere)
            found = texts[name]
            if found is None:
                continue
            watched = found[1].get((code.co_qualname, code.co_firstlineno))
            if watched is code or id(code) in flow.rewritten:
                continue
            if watched is not None and watched.co_freevars == code.co_freevars:
                flow.rewritten[id(watched)] = (code, watched)
                function.__code__ = watched
                flow.functions.add(function)

    def _watched(
        self, name: str, code: CodeType, names: dict[str, Any], *, anywhere: bool = False
    ) -> tuple[CellText, dict[tuple[str, int], CodeType]] | None:
        modules = _modules(names)
        watched = kept(name, self._texts.get(name), modules)
        if watched is None:
            text = self._texts.get(name) or text_of(code, anywhere=anywhere)
            if text is None or text.tree is None:
                return None
            watched = watch(text, modules)
        text, made, compiled = watched.text, watched.made, watched.code
        if text.file is not None:
            self._lines += len(text.lines)
            if self._lines > MOST_LINES:
                return None
        self._texts[name] = text
        self.recorder.log.person.add(name)
        flow = self.recorder.flow
        flow.add(made)
        table: dict[tuple[str, int], CodeType] = {}
        embedded = embed(compiled, flow.hooks, flow.flags)
        self._know_literals(embedded)
        for inner in codes(embedded):
            if flow.hooks in inner.co_consts:
                table.setdefault((inner.co_qualname, inner.co_firstlineno), inner)
        return text, table

    # -- after the run

    def finish(self, error: BaseException | None = None) -> Report:
        """Restore everything and report. Never raises."""
        try:
            if self.own is not None:
                self.own.ask(self.namespace, error)
            self._bequeath()
        except Exception as fault:
            self.recorder.log.fault("end", fault)
        finally:
            to_the_end(self._disarm)
        if error is not None:
            prune(error)
        report = self._explained(error)
        if self._around is not None:
            self._around.tried(report, error)
            self._around = None
        return report

    def close(self) -> None:
        """Restore everything, where an interrupt kept :meth:`finish` from it."""
        if Session.active is self:
            to_the_end(self._disarm)

    def _explained(self, error: BaseException | None) -> Report:
        try:
            with _no_collections():
                return self._report(error)
        except KeyboardInterrupt:
            report = Report(source=self.text.source)
            report.notes.append(
                "The report was interrupted before the first gradient was explained; the cell's "
                "result is not affected."
            )
            return report
        except Exception as fault:
            report = Report(source=self.text.source)
            where = traceback.extract_tb(fault.__traceback__)[-1]
            report.notes.append(
                "tapemagic failed to explain this cell; its result is not affected. "
                f"({type(fault).__name__}: {fault}, in {where.name})"
            )
            return report
        finally:
            self._keep()

    def _keep(self) -> None:
        tapes = self.recorder.tapes
        alive = {}
        if tapes is not None:
            alive = {k: v for k, v in tapes.ids.items() if _can_be_asked(v[0]())}
        log = self.recorder.log
        if alive and len(log.ops) < MOST_PAST:
            log.graphs.clear()
            Session._past = Past(log, alive, self._texts)
        else:
            Session._past = None
        self.namespace = {}
        self.own = None

    def _report(self, error: BaseException | None) -> Report:
        from tapemagic.recorder.bodies import Bodies
        from tapemagic.recorder.build import Builder
        from tapemagic.recorder.gradients import Registry
        from tapemagic.report.build import build_report

        log = self.recorder.log
        builder = Builder(log, self._texts, self.text, self.recorder.private, self.told)
        trace = builder.build()
        trace.whole = self._whole
        flow = self.recorder.flow
        trace.spent = [(builder.places.spot(flow.spots[n]), s) for n, s in flow.spent.items()]
        asked = {q.tape for q in trace.queries[self._begun_queries :]}
        trace.tapes = {n: t for n, t in trace.tapes.items() if n >= self._begun_tapes or n in asked}
        registry = None
        if self.recorder.private is not None:
            registry = Registry(
                self.recorder.private, log, Bodies(log, builder, self.recorder.private)
            )
        report = build_report(
            trace,
            self.text,
            self._texts,
            registry=registry,
            error=error,
            begun=self._begun,
            begun_queries=self._begun_queries,
            imported=is_imported(),
            reasons=Session._reasons,
            told=self.told,
        )
        Session._reasons = _reasons(report, label_of(self.filename))
        _as_written(report)
        return report


def _modules(names: dict[str, Any]) -> frozenset[str]:
    kind = type(ast)
    return frozenset(n for n, v in list(names.items()) if type(v) is kind)


def _reasons(report: Report, label: str) -> dict[int, Why]:
    """The reasons of a report as a later cell tells them: with the place in this one."""
    found = {}
    for source in (s for c in report.calls if not c.method.startswith("apply") for s in c.sources):
        why = source.why
        if why is not None and source.tensor is not None and source.status == "none":
            at = replace(why.at, cell=label) if why.at is not None and why.at.here else why.at
            found[source.tensor] = replace(
                why,
                at=at,
                lines=(),
                fixed_source=None,
                fix_verified=None,
                fix_result=None,
                story=(),
            )
    return found


def _as_written(report: Report) -> None:
    """The first line as the person wrote it: for Python it had to be a comment."""

    def told(text: str | None) -> str | None:
        return text.replace("# %%tape", "%%tape", 1) if text and "# %%tape" in text else text

    if not report.source.lstrip().startswith("# %%tape"):
        return
    report.source = told(report.source) or ""
    whys = [s.why for c in report.calls for s in c.sources]
    whys += [w for c in report.calls for s in c.sources for w in s.partial]
    whys += [c.error.why for c in report.calls if c.error is not None]
    whys += [report.error.why if report.error is not None else None]
    for why in {id(w): w for w in whys if w is not None}.values():
        for one in (why, why.because):
            if one is not None:
                one.fixed_source = told(one.fixed_source)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Spare the garbage collector: what a report is made of stays, so there is none to find.

    Each collection goes through all that TensorFlow keeps, and a large report makes for many.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _can_be_asked(tape: Any) -> bool:
    return tape is not None and getattr(tape, "_tape", None) is not None


def _renamed(code: CodeType, filename: str) -> CodeType:
    consts = tuple(_renamed(c, filename) if isinstance(c, CodeType) else c for c in code.co_consts)
    return code.replace(co_filename=filename, co_consts=consts)
