"""Make the trace from the log: rows become plain data, small tensors become values."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable
from types import CodeType
from typing import Any

from tapemagic.cell.text import CellText
from tapemagic.recorder.heritage import EARLIER
from tapemagic.recorder.log import Log, RawArgument, RawQuery
from tapemagic.recorder.probes.backward import NONE, NONFINITE, ZERO
from tapemagic.recorder.probes.functions import LIBRARY
from tapemagic.recorder.values import read_value, settled
from tapemagic.traces.model import (
    Argument,
    BackwardStep,
    Binding,
    Entry,
    Mark,
    Op,
    Query,
    Site,
    Tape,
    TapeEvent,
    Tensor,
    Trace,
)

MOST_TRACES = 2
"""A function that makes variables is traced twice by its first call."""
FUNCTION_OPS = ("__forward_", "__inference_", "__backward_")


class Places:
    """Resolves the places of rows to sites of the person's code, each once.

    Args:
        texts: The person's code by file name.
        known: Sites of earlier cells, whose rows go on to be read; sites of this cell are added.
    """

    def __init__(self, texts: dict[str, CellText], known: dict[Any, Site | None]) -> None:
        self.texts = texts
        for key in [k for k, site in known.items() if site is None or site.here]:
            del known[key]  # it was this cell's, and this cell is another one now
        self._known = known
        self._positions: dict[int, list[Any]] = {}

    def site(self, where: Any) -> Site | None:
        """The site of a ``(code, last instruction)`` or ``(file name, line)`` pair."""
        code, at = where
        key = (id(code), at) if isinstance(code, CodeType) else where
        # By id, since hashing a code object hashes all that is in it; the rows keep it alive.
        if key in self._known:
            return self._known[key]
        if isinstance(code, CodeType):
            text = self.texts.get(code.co_filename)
            place = line = None
            if text is not None:
                positions = self._positions.get(id(code))
                if positions is None:
                    positions = self._positions[id(code)] = list(code.co_positions())
                number = at // 2
                line, last, column, end = (
                    positions[number]
                    if number < len(positions)
                    else (code.co_firstlineno,) * 2 + (0, 0)
                )
                if None not in (line, last, column, end):
                    place = (line, column, last, end)
            found = None if text is None else text.site(place, line, code.co_name)
        else:
            text = self.texts.get(code)
            found = None if text is None else text.site(None, at)
        self._known[key] = found
        return found

    def spot(self, spot: Any) -> Site:
        """The site of a rewritten expression."""
        key = (id(spot.text), spot.index)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = spot.text.site(spot.place, spot.statement, spot.function)
        return found

    def sites(self, where: tuple[Any, ...]) -> tuple[Site, ...]:
        """The sites of several places, innermost first."""
        if not where:
            return ()
        return tuple([s for s in map(self.site, where) if s is not None])


class Builder:
    """Builds one trace.

    Args:
        log: The rows.
        texts: The person's code by file name; the traced cell has label None.
        private: TensorFlow's private interfaces, or None when it was never imported.
        told: Told what is being done.
    """

    def __init__(
        self,
        log: Log,
        texts: dict[str, CellText],
        cell: CellText,
        private: Any,
        told: Callable[[str], None] = lambda _doing: None,
    ) -> None:
        self.told = told
        self.log = log
        self.places = Places(texts, log.places)
        self.cell = cell
        self.texts = texts
        self.private = private
        self.trace = Trace(source=cell.source)
        self.traces: Counter[str] = Counter()  # of a function: how often it was traced
        self._turns: dict[tuple[str, int, str], int] = {}
        self._written: dict[int, tuple[ast.Call, Any, tuple[list[str], list[str]]]] = {}

    def build(self) -> Trace:
        """The trace; afterwards the log holds no tensor."""
        for part in (
            self._ops, self._tensors, self._aside, self._tapes, self._marks, self._bindings, self._queries,
        ):  # fmt: skip
            try:
                part()
            except Exception as fault:
                self.log.fault(f"trace{part.__name__}", fault)
        self.log.small.clear()
        self.trace.faults = list(self.log.faults)
        self.trace.notes = [*self.log.notes, *self._retracing()]
        return self.trace

    def _retracing(self) -> list[str]:
        """Sentences about the person's functions that were traced again and again."""
        if not self.log.traced:
            return []
        mine = {
            node.name for text in self.texts.values() if text.tree is not None
            for node in ast.walk(text.tree) if isinstance(node, ast.FunctionDef)
        }  # fmt: skip
        times = self.traces = Counter(name for name in self.log.traced.values() if name in mine)
        self.log.traced.clear()
        return [
            f"`{name}` was traced {count} times in this cell: a tf.function is traced anew for each "
            "new shape, dtype or Python value that it is given."
            for name, count in times.items() if count > MOST_TRACES
        ]  # fmt: skip

    # -- parts

    def _spot(self, spot: Any) -> Site | None:
        if spot is None:
            return None
        return self.places.spot(spot)

    def _ops(self) -> None:
        log, trace = self.log, self.trace
        rows = log.ops
        scopes: dict[tuple[str, ...], tuple[str, ...]] = {}
        for index, row in enumerate(rows):
            if not index % 10_000:
                self.told(f"reading op {index:,} of {len(rows):,}")
            op_type, ins, outs, where, _, graph, scope, query, body, name = row
            if type(op_type) is bytes:
                op_type = op_type.decode()
            sites = self.places.sites(where)
            if graph is not None and name is not None and not where:
                sites = self._graph_sites(graph, name)
            layers = scopes.get(scope)
            if layers is None:
                layers = scopes[scope] = tuple(s.removesuffix(LIBRARY) for s in scope)
            op = Op(
                index, op_type, ins, outs, sites[0] if sites else None, sites[1:],
                log.tracked[index], "forward" if query is None else "backward", graph,
                layers, {}, query,
                library=bool(scope) and scope[-1].endswith(LIBRARY),
            )  # fmt: skip
            if query is not None and op.at is None:
                raw = log.queries[query]
                sites = self.places.sites(raw.where)
                op.at, op.via = (sites[0], sites[1:]) if sites else (None, ())
            own = log.recorded.get(index)
            if own is not None and op_type == "ReadVariableOp":
                op.inputs = own[1]  # inside a function the tape joins the read to the handle itself
            if body is not None or op_type.startswith(FUNCTION_OPS):
                op.rule = "function"
                op.body = body
            elif own is not None and op_type not in ("ReadVariableOp", "captured_value"):
                op.rule = "custom_gradient"
            elif op_type == "EagerPyFunc":
                op.rule = "py_function"
            elif op_type == EARLIER:
                op.phase = "earlier"
            if index in log.tangents and not op.recorded:
                op.phase = "tangent"
            if index in log.thread_ops:
                op.phase = "thread"
            trace.ops.append(op)

    def _aside(self) -> None:
        """What ops of other threads took in whose results were not met on the cell's own."""
        log, aside = self.log, self.trace.aside
        for made, row in list(log.elsewhere.items()):
            if made in log.made:
                continue
            sites = self.places.sites(row.where)
            for tensor in row.inputs:
                aside.setdefault(tensor, sites[0] if sites else None)

    def _graph_sites(self, key: str, name: Any) -> tuple[Site, ...]:
        graph: Any = self.log.graphs.get(key)
        try:
            frames = list(graph.get_operation_by_name(str(name)).traceback)
        except Exception:
            return ()
        found = []
        for frame in reversed(frames):
            filename = getattr(frame, "filename", frame[0])
            if filename in self.texts:
                found.append((filename, getattr(frame, "lineno", frame[1])))
        return self.places.sites(tuple(found[:6]))

    def _shape(self, shape: Any) -> Any:
        if hasattr(shape, "shape"):  # a symbolic tensor
            shape = shape.shape
            return None if shape.rank is None else tuple(shape.as_list())
        return shape

    def _tensors(self) -> None:
        log, trace = self.log, self.trace
        names: dict[int, str] = {}
        bytes_of: dict[int, int] = {}
        sizes: dict[Any, int] = {}  # bytes by (dtype, shape): most tensors share theirs
        for made, (enum, shape) in log.facts.items():
            if type(shape) is not tuple:
                shape = self._shape(shape)
            if enum not in names:
                names[enum] = self.private.dtype_name(enum)
                try:
                    bytes_of[enum] = self.private.dtypes.as_dtype(enum).size
                except TypeError:
                    bytes_of[enum] = 0
            size = sizes.get((enum, shape))
            if size is None:
                size = bytes_of[enum]
                for extent in shape or ():
                    size *= extent or 0
                sizes[enum, shape] = size
            index = log.made.get(made)
            trace.tensors[made] = Tensor(
                made, names[enum], shape, "constant" if index is None else "tensor", index,
                nbytes=size,
            )  # fmt: skip
        for handle, facts in log.variables.items():
            trace.tensors[handle] = Tensor(
                handle, facts.dtype, facts.shape, "variable", log.made.get(handle),
                trainable=facts.trainable, label=facts.label,
            )  # fmt: skip
        for made, tensor in log.small.items():
            known = trace.tensors.get(made)
            if known is not None and known.dtype not in ("resource", "variant", "string"):
                known.value = read_value(tensor)
        for made, what in log.holds.items():
            if made in trace.tensors:
                trace.tensors[made].holds = what

    def _tapes(self) -> None:
        named = self.log.object_names.values()
        names = {id(ref): name for known in named for ref, name in known}
        for number, raw in self.log.tapes.items():
            sites = self.places.sites(raw.where)
            name = names.get(id(raw.tape)) or self._with_name(sites)
            tape = Tape(
                number, raw.persistent, raw.auto_watch, name,
                sites[0] if sites else None, graph=raw.graph, ours=raw.ours,
            )  # fmt: skip
            for index, kind, tensor, where, auto in raw.events:
                at = self.places.sites(where)
                first = at[0] if at else None
                tape.events.append(TapeEvent(index, kind, tensor, first, auto, tuple(at[1:])))
            self.trace.tapes[number] = tape

        for where, kind in self.log.refused:
            found = self.places.sites(where)
            begun: Site | None = found[0] if found else None
            text = self._text_at(begun) if begun is not None else None
            call = text.call(begun.expr) if text is not None and begun is not None else None
            name = ast.unparse(call.args[0]) if call is not None and call.args else "it"
            self.trace.refused.append((begun, kind, name))

    def _with_name(self, sites: tuple[Site, ...]) -> str | None:
        """The name after ``as``, where the binding itself was not seen; tapes come in its order."""
        text = self._text_at(sites[0]) if sites else None
        node = text.statement_at(sites[0].line) if text is not None else None
        if not isinstance(node, ast.With):
            return None
        names = [
            item.optional_vars.id for item in node.items
            if isinstance(item.optional_vars, ast.Name)
            and "GradientTape" in ast.unparse(item.context_expr)
        ]  # fmt: skip
        if not names:
            return None
        turn = self._turns.get(("with", sites[0].line, ""), 0)
        self._turns["with", sites[0].line, ""] = turn + 1
        return names[turn % len(names)]

    def _text_at(self, at: Site) -> CellText | None:
        fits = (t for t in self.texts.values() if (t.label, t.file) == (at.cell, at.file))
        return next(fits, None)

    def _marks(self) -> None:
        for number, raw in enumerate(self.log.marks):
            at = self._spot(raw.spot)
            what = raw.what or (
                raw.spot.text.segment(raw.spot.place) if raw.spot is not None else ""
            )
            self.trace.marks[number] = Mark(
                number,
                raw.index,
                what,
                raw.type,
                at,
                raw.tensors,
                raw.marks,
                raw.ops,
                raw.name,
                raw.certain,
                raw.holds,
            )
        for entry in self.log.entries:
            self.trace.entries.append(
                Entry(
                    entry.tensor,
                    entry.marks,
                    self._spot(entry.spot),
                    entry.index,
                    entry.certain,
                    entry.argument,
                )
            )

    def _bindings(self) -> None:
        for op in self.trace.ops:
            if op.phase == "earlier":
                self.trace.tensors[op.outputs[0]].name = self.log.ops[op.index][9]
        for index, spot, name, made, variable, slot in self.log.bindings:
            at = self._spot(spot)
            assert at is not None
            kind = "variable" if variable else "tensor"
            self.trace.bindings.append(Binding(index, name, made, at, kind, slot))
            tensor = self.trace.tensors.get(made)
            if tensor is not None and tensor.name is None:
                tensor.name, tensor.named_at = name, at

    # -- queries

    def _queries(self) -> None:
        for number, raw in enumerate(self.log.queries):
            self.trace.queries.append(self._query(number, raw))

    def _query(self, number: int, raw: RawQuery) -> Query:
        sites = self.places.sites(raw.where)
        at = sites[0] if sites else None
        targets, sources = self._names(raw, at)
        query = Query(
            number, raw.method, raw.tape, raw.op, raw.op_end,
            [self._argument(a, n) for a, n in zip(raw.targets, targets, strict=True)],
            [self._argument(a, n) for a, n in zip(raw.sources, sources, strict=True)],
            at, error=raw.error, failed=raw.failed, zero_for_none=raw.zero_for_none, graph=raw.graph,
            replica=raw.replica,
        )  # fmt: skip
        query.via = sites[1:]
        raw.gradients = settled(raw)
        query.gradients = raw.gradients or [None] * len(raw.sources)
        query.results = raw.results or [None] * len(raw.sources)
        for index, codes, skip, up, values, begin in raw.steps:
            # What goes to an input that the tape does not track goes nowhere.
            led = [code for at, code in enumerate(codes) if not skip or at not in skip]
            query.steps.append(
                BackwardStep(
                    index,
                    tuple(c == NONE for c in codes),
                    tuple(skip) if skip else (),
                    any(c == ZERO for c in codes) and all(c in (ZERO, NONE) for c in codes),
                    NONFINITE not in led,
                    up != NONFINITE,
                    tuple(None if v is None else read_value(v) for v in values),
                    begin,
                )
            )
            query.steps[-1].codes = bytes(codes)
        raw.steps = []
        return query

    def _argument(self, raw: RawArgument, name: str) -> Argument:
        return Argument(
            name, raw.tensor, raw.kind, raw.dtype, raw.shape, raw.type, raw.mark, raw.owner
        )

    def _names(self, raw: RawQuery, at: Site | None) -> tuple[list[str], list[str]]:
        text = None
        if at is not None:
            text = self._text_at(at)
        call = None
        if text is not None and at is not None:
            call = text.call(at.expr)
            if getattr(getattr(call, "func", None), "attr", None) != raw.method:
                call = self._call_in_turn(text, at.line, raw.method)
        if raw.expr is not None:
            return [a.path for a in raw.targets], [a.path for a in raw.sources]
        if call is None or text is None:
            return (
                [self._given(a, f"target{a.path}") for a in raw.targets],
                [self._given(a, f"sources{a.path}") for a in raw.sources],
            )
        # The turns of a loop ask the same question in the same words.
        asked = (raw.method, [a.path for a in raw.targets], [a.path for a in raw.sources])
        known = self._written.get(id(call))
        if known is None or known[0] is not call or known[1] != asked:
            parts = _arguments(call, raw.method)
            names = (
                [_written(parts[0], a.path, text, "target") for a in raw.targets],
                [_written(parts[1], a.path, text, "sources") for a in raw.sources],
            )
            known = self._written[id(call)] = (call, asked, names)
        return known[2]

    def _call_in_turn(self, text: CellText, line: int, method: str) -> ast.Call | None:
        """The call on a line: of several (inside a tf.function, without columns) the next one."""
        fits = text.calls_on_line(line, method)
        if not fits:
            return None
        turn = self._turns.get((text.filename, line, method), 0)
        self._turns[text.filename, line, method] = turn + 1
        return fits[turn % len(fits)]

    def _given(self, argument: RawArgument, fallback: str) -> str:
        tensor = self.trace.tensors.get(argument.tensor) if argument.tensor is not None else None
        if tensor is not None:
            return tensor.name or tensor.label or fallback
        return fallback


def _arguments(call: ast.Call, method: str) -> tuple[ast.expr | None, ast.expr | None]:
    named = {k.arg: k.value for k in call.keywords}
    if method == "apply_gradients":
        pairs = call.args[0] if call.args else named.get("grads_and_vars")
        if (
            isinstance(pairs, ast.Call)
            and isinstance(pairs.func, ast.Name)
            and len(pairs.args) == 2
        ):
            return None, pairs.args[1]
        return None, None
    if method == "apply":
        given = call.args[1] if len(call.args) > 1 else named.get("trainable_variables")
        return None, given
    target = call.args[0] if call.args else named.get("target")
    sources = call.args[1] if len(call.args) > 1 else named.get("sources", named.get("source"))
    return target, sources


def _written(node: ast.expr | None, path: str, text: CellText, fallback: str) -> str:
    """How the person wrote the part of an argument at a path such as ``[0]['w']``."""
    if node is None or isinstance(node, ast.Starred):
        return fallback + path
    rest = ast.parse("x" + path, mode="eval").body if path else None
    keys = []
    while isinstance(rest, ast.Subscript):
        keys.append(rest.slice)
        rest = rest.value
    keys.reverse()
    while keys:
        key = keys[0].value if isinstance(keys[0], ast.Constant) else None
        if isinstance(node, (ast.List, ast.Tuple)) and isinstance(key, int):
            starred = next((i for i, e in enumerate(node.elts) if isinstance(e, ast.Starred)), None)
            if starred is not None and key >= starred:
                spread = node.elts[starred]
                if starred < len(node.elts) - 1 or not isinstance(spread, ast.Starred):
                    break  # how many it spreads into was not seen
                node, keys[0] = spread.value, ast.Constant(key - starred)
                continue
            if key >= len(node.elts):
                break
            node = node.elts[key]
        elif isinstance(node, ast.Dict):
            fits = [
                v for k, v in zip(node.keys, node.values, strict=True)
                if isinstance(k, ast.Constant) and k.value == key
            ]  # fmt: skip
            if not fits:
                break
            node = fits[0]
        else:
            break
        keys.pop(0)
    left = "".join(f"[{ast.unparse(k)}]" for k in keys)
    from tapemagic.cell.text import span

    written = text.segment(span(node)) or ast.unparse(node)
    if left and not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.Call)):
        written = f"({written})"
    return written + left
