"""The tape that ``%%tape`` opens around a cell that has none of its own."""

from __future__ import annotations

import ast
from typing import Any

from tapemagic.options import RunOptions
from tapemagic.recorder.recorder import Recorder

_RUNS = frozenset(
    ["fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch", "minimize",
     "compile", "build", "summary", "save", "save_weights", "load_weights", "show", "print"]
)  # fmt: skip


def _is_a_run(value: ast.expr) -> bool:
    """Whether a cell ends in a call that gives nothing to differentiate.

    A tape around ``model.fit(...)`` would keep what every training step computed.
    """
    called = value.func if isinstance(value, ast.Call) else None
    name = getattr(called, "attr", None) or getattr(called, "id", None)
    return name in _RUNS


class OwnTape:
    """Opens a tape when TensorFlow is there, watches what was asked, and asks at the end.

    Args:
        options: Target, sources and watch of the run.
        recorder: The probes of the run.
    """

    def __init__(self, options: RunOptions, recorder: Recorder) -> None:
        self.options = options
        self.recorder = recorder
        self.tape: Any = None
        self.missing: list[str] = []

    @classmethod
    def wanted(cls, options: RunOptions, tree: ast.Module, recorder: Recorder) -> OwnTape | None:
        """A tape of our own, if the options ask for one or the cell has none and ends in a value."""
        if options.own_tape is False:
            return None
        if options.own_tape is None:
            names = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
            names |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
            last = tree.body[-1] if tree.body else None
            if "GradientTape" in names or not isinstance(last, ast.Expr) or _is_a_run(last.value):
                return None
        return cls(options, recorder)

    def open(self, namespace: dict[str, Any]) -> None:
        """Open the tape and watch the names that exist; the others when the cell binds them."""
        probe = self.recorder.tapes
        private = self.recorder.private
        if probe is None or private is None:
            return
        probe.ours = True
        try:
            self.tape = private.tape_class(persistent=True)
            self.tape.__enter__()
        finally:
            probe.ours = False
        for text in self.options.watch:
            try:
                value = eval(text, namespace)
            except NameError:
                self.recorder.flow.wanted[text] = self._watch
            else:
                self._watch(value)

    def _watch(self, value: Any) -> None:
        if self.tape is not None and getattr(self.tape, "_recording", False):
            self.tape.watch(value)

    def ask(self, namespace: dict[str, Any], error: BaseException | None) -> None:
        """Close the tape and ask for the gradient, as the person would."""
        if self.tape is None:
            return
        tape, self.tape = self.tape, None
        if getattr(tape, "_recording", False):
            tape.__exit__(None, None, None)
        if error is not None:
            return
        flow, log = self.recorder.flow, self.recorder.log
        if self.options.target is not None:
            target = self._evaluate(self.options.target, namespace)
            name = self.options.target
        elif flow.has_last:
            target, name = flow.last, "the cell's value"
        else:
            return
        if self.recorder.kinds.of(target) not in (1, 2, 4):
            return
        sources: list[Any] = []
        names: list[str] = []
        for text in self.options.sources:
            value = self._evaluate(text, namespace)
            if value is not None:
                sources.append(value)
                names.append(text)
        if not self.options.sources:
            for text in self.options.watch:
                value = self._evaluate(text, namespace)
                if value is not None:
                    sources.append(value)
                    names.append(text)
            for variable in tape.watched_variables():
                if not any(variable is s for s in sources):
                    sources.append(variable)
                    names.append(_name_of(variable, namespace))
        if not sources or target is None:
            return
        before = len(log.queries)
        try:
            tape.gradient(target, sources)
        except Exception as fault:
            if len(log.queries) == before:
                log.fault("gradient of the cell", fault)
        for query in log.queries[before:]:
            query.expr = name
            for argument, text in zip(query.sources, names, strict=False):
                argument.path = text
            for argument in query.targets:
                argument.path = name

    def _evaluate(self, text: str, namespace: dict[str, Any]) -> Any:
        try:
            return eval(text, namespace)
        except Exception as error:
            known = sorted(n for n in namespace if not n.startswith("_"))[:30]
            self.recorder.log.notes.append(
                f"`{text}` could not be read after the cell ran ({error}). "
                f"Names that exist: {', '.join(known) or 'none'}."
            )
            return None


def _name_of(variable: Any, namespace: dict[str, Any]) -> str:
    for name, value in namespace.items():
        if value is variable and not name.startswith("_"):
            return name
    return str(getattr(variable, "name", "variable")).removesuffix(":0")
