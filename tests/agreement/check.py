"""Run a program plainly and traced, and list every difference and every disagreement."""

from __future__ import annotations

import contextlib
import functools
import io
import linecache
import logging
import random
import warnings
from typing import Any

import numpy as np

from tapemagic.session import Session
from tests.agreement.programs import HEAD, Program
from tests.conftest import forget

FILENAME = "<a plain program>"


def quiet() -> Any:
    """What a program prints and warns about is not looked at here."""
    stack = contextlib.ExitStack()
    stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
    stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
    stack.enter_context(warnings.catch_warnings())
    warnings.simplefilter("ignore")
    logging.getLogger("tensorflow").setLevel(logging.CRITICAL)
    return stack


def plainly(source: str) -> tuple[dict[str, Any], BaseException | None]:
    """The names after a plain run, and what it raised."""
    names: dict[str, Any] = {"__name__": "__main__"}
    linecache.cache[FILENAME] = (len(source), None, source.splitlines(keepends=True), FILENAME)
    try:
        exec(compile(source, FILENAME, "exec", dont_inherit=True), names)
    except Exception as error:
        return names, error
    return names, None


def flat(value: Any) -> list[Any]:
    """The gradients in what a query returned."""
    if isinstance(value, dict):
        return [g for key in sorted(value) for g in flat(value[key])]
    if isinstance(value, (list, tuple)) and not hasattr(value, "indices"):
        return [g for item in value for g in flat(item)]
    return [value]


def bits(value: Any) -> Any:
    """A tensor, variable or number as something that can be compared bit for bit."""
    if hasattr(value, "indices") and hasattr(value, "values"):
        return ("sparse", bits(value.indices), bits(value.values))
    if hasattr(value, "flat_values"):
        return ("ragged", bits(value.flat_values), [bits(r) for r in value.nested_row_splits])
    if isinstance(value, (list, tuple)):
        return [bits(v) for v in value]
    if isinstance(value, dict):
        return [(key, bits(v)) for key, v in value.items()]
    if hasattr(value, "numpy"):
        value = value.numpy()
    if isinstance(value, (np.ndarray, np.generic)):
        return (str(value.dtype), value.shape, np.asarray(value).tobytes())
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    return None


def status(gradient: Any) -> str:
    """What TensorFlow's own answer says."""
    if gradient is None:
        return "none"
    if hasattr(gradient, "values") and hasattr(gradient, "indices"):
        gradient = gradient.values
    gradient = getattr(gradient, "flat_values", gradient)
    array = np.asarray(gradient)
    if array.dtype.kind == "V" or array.dtype.name == "bfloat16":
        array = array.astype("float32")
    if np.isnan(array).any():
        return "nan"
    if np.isinf(array).any():
        return "inf"
    return "connected" if array.any() or not array.size else "zero"


def seed() -> None:
    """The same random numbers for each run; the programs seed TensorFlow themselves."""
    random.seed(7)
    np.random.seed(7)


@functools.lru_cache(maxsize=1)
def warm() -> None:
    """The first use of Keras in a process draws random numbers, traced or not."""
    plainly(HEAD)


def after(names: dict[str, Any]) -> dict[str, Any]:
    """The state that a run leaves behind: of random numbers, and how often functions were traced."""
    import tensorflow as tf

    functions = {k: f for k, f in names.items() if hasattr(f, "experimental_get_tracing_count")}
    return {
        "random": hash(random.getstate()),
        "numpy": repr(np.random.get_state()[1:3]),
        "tensorflow": tf.random.uniform([2]).numpy().tolist(),
        "traced": {k: f.experimental_get_tracing_count() for k, f in functions.items()},
    }


def traced(program: Program) -> tuple[dict[str, Any], list[Any]]:
    """The names after a traced run, and the report of each of its cells."""
    from tapemagic.api import run_cell

    forget()
    names: dict[str, Any] = {"__name__": "__main__"}
    reports = []
    for source, _ in program.cells():
        reports.append(run_cell(source, names))
        if reports[-1].error is not None:
            break
    return names, reports


def complaints(program: Program) -> list[str]:
    """All that is wrong with the reports of a program, or with what the program did."""
    with quiet():
        warm()
        seed()
        plain, error = plainly(program.source)
        plain_after = after(plain)
        seed()
        names, reports = traced(program)
        traced_after = after(names)
    if "returned a result with an exception set" in str(error):
        return []  # TensorFlow's own C code forgot an exception: where it comes up is chance
    last = reports[-1].error
    said = []
    told = last and last.type
    wanted = error and type(error).__name__
    if told != wanted:
        said.append(f"raised {told}: {last and last.message}, plainly {wanted}: {error}")
    different = [n for n in plain if n in names and bits(plain[n]) != bits(names[n])]
    if different or plain.keys() != names.keys():
        said.append(f"values differ: {different or plain.keys() ^ names.keys()}")
    if plain_after != traced_after:
        said.append(f"afterwards {traced_after}, plainly {plain_after}")
    for report, (_, queries) in zip(reports, program.cells(), strict=False):
        said += [f"note: {n}" for n in report.notes if "tapemagic" in n]
        if report.mismatches:
            said.append(f"agreement: {report.mismatches} of {report.tensors} differ")
        said += _statuses(report, queries, plain)
        report.to_dict()
    plain.clear()
    names.clear()
    Session._past = None  # a tape that can still be asked would keep the rows of its cell
    return said


def _statuses(report: Any, queries: dict[int, str], plain: dict[str, Any]) -> list[str]:
    said = []
    methods = ("gradient", "jacobian", "batch_jacobian")
    calls = {c.at.line: c for c in report.calls if c.at is not None and c.method in methods}
    for line, name in queries.items():
        if name not in plain:
            continue  # the program ended before
        if line not in calls:
            said.append(f"line {line}: the query is not in the report")
            continue
        sources = calls[line].sources
        found = [s.status for s in sources]
        true = [status(g) for g in flat(plain[name])]
        fits = [
            a == b or (a == "masked" and b == "zero") for a, b in zip(found, true, strict=False)
        ]
        if len(found) != len(true) or not all(fits):
            said.append(f"line {line}: told {found}, TensorFlow says {true}")
        silent = [s.name for s in sources if s.status in ("none", "masked") and s.why is None]
        if silent:
            said.append(f"line {line}: no reason for {silent}")
    return said
