"""Compare what a report says of a program with plain TensorFlow and with what is known of it."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from tapemagic.api import run_cell
from tests.conftest import forget
from tests.diagnosis.programs import Program


def report_of(source: str, prior: str = "", **options: Any) -> dict[str, Any]:
    """The report of a cell as JSON, with its output kept away; ``prior`` is a cell before it."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    forget()
    with contextlib.redirect_stdout(io.StringIO()):
        if prior:
            run_cell(prior, namespace)
        report = run_cell(source, namespace, **options)
    made = report.to_dict()
    assert not [n for n in report.notes if "tapemagic" in n], report.notes
    return made


def plain(source: str) -> dict[str, Any]:
    """The names that a cell leaves when it runs without tapemagic."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    filename = f"<plain program {hash(source)}>"
    import linecache

    linecache.cache[filename] = (
        len(source), None, source.splitlines(keepends=True), filename,
    )  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(source, filename, "exec", dont_inherit=True), namespace)
    return namespace


def statuses(gradients: Any) -> list[str]:
    """What a list or dict of gradients is, in the words of a report."""
    import numpy as np

    flat = list(gradients.values()) if isinstance(gradients, dict) else list(gradients)
    found = []
    for gradient in flat:
        if gradient is None or (0 in gradient.shape):
            found.append("none")
            continue
        value = np.asarray(getattr(gradient, "values", gradient))
        if np.isnan(value).any():
            found.append("nan")
        elif np.isinf(value).any():
            found.append("inf")
        else:
            found.append("connected" if value.any() else "zero")
    return found


def line_of(why: dict[str, Any], program: Program) -> int | None:
    """The line of a reason, in the cell that holds the computation."""
    return why["place"]["line"] if program.prior else why["line"]


def complaints(program: Program) -> list[str]:
    """What is wrong with the report of a program; empty when all is right."""
    namespace = plain(program.prior + program.source)
    truth = statuses(namespace["grads"] if "grads" in namespace else namespace["made"])
    made = report_of(program.source, program.prior)
    if made["cell"]["error"]:
        return [f"the cell raised {made['cell']['error']}"]
    calls = [c for c in made["calls"] if c["method"] == "gradient"]
    if not calls:
        return ["no call was reported"]
    said = []
    if made["agreement"]["mismatches"]:
        said.append(f"agreement {made['agreement']}")
    sources = calls[-1]["sources"]
    if [s["status"] for s in sources] != truth:
        said.append(f"status {[s['status'] for s in sources]}, true {truth}")
    for position, source in enumerate(sources):
        why = source["why"]
        if position == program.victim:
            if truth[position] == "connected":
                said.append("the generator made no cut")
            elif why is None:
                said.append(f"{source['name']}: nothing said")
            elif why["cause"] not in program.causes or line_of(why, program) not in program.lines:
                said.append(
                    f"{source['name']}: {why['cause']}, line {why['line']}: {why['message']}"
                    f" True: {program.causes}, line {program.lines}"
                )
        elif position in program.clean:
            if truth[position] == "connected" and why is not None:
                said.append(f"{source['name']}: false alarm {why['cause']}: {why['message']}")
            if source["partial"]:
                said.append(f"{source['name']}: false alarm {source['partial'][0]['message']}")
    return said
