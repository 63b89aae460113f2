"""What a report says against the true answers; an empty list when it is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.questions.reading import Answer

Found = tuple[str, str, Any, list[Any]]  # name, status, why, partial


def wrong(report: dict[str, Any], answers: list[Answer]) -> list[str]:
    said = []
    if report["agreement"]["mismatches"]:
        said.append(f"agreement: {report['agreement']}")
    covered: set[tuple[int, int]] = set()
    for answer in answers:
        try:
            found = list(_found(report, answer, covered))
        except IndexError:
            said.append(f"{answer.where} is not there")
            continue
        for one in found:
            said += [f"{answer.where} {one[0]}: {text}" for text in _judged(one, answer)]
    for call in report["calls"]:
        if call["method"].startswith("apply"):
            continue
        for number, source in enumerate(call["sources"]):
            if (id(call), number) not in covered and (source["why"] or source["partial"]):
                said.append(f"{source['name']}: nothing is wrong with it; said {source['why']}")
    return said


def _found(
    report: dict[str, Any], answer: Answer, covered: set[tuple[int, int]]
) -> Iterator[Found]:
    if answer.where == "cell":
        error = report["cell"]["error"]
        yield "cell", "error" if error else "none raised", error and error["why"], []
        return
    matched = re.fullmatch(r"([ga])(-?\d+)\.(\*|-?\d+)", answer.where)
    assert matched is not None, answer.where
    kind, number, position = matched.groups()
    calls = [c for c in report["calls"] if c["method"].startswith("apply") == (kind == "a")]
    call = calls[int(number)]
    count = len(call["sources"])
    chosen = range(count) if position == "*" else [int(position) % max(count, 1)]
    if answer.status == "error":
        covered.update((id(call), i) for i in range(count))
        error = call["error"]
        yield "call", "error" if error else "none raised", error and error["why"], []
        return
    for index in chosen:
        source = call["sources"][index]
        covered.add((id(call), index))
        yield source["name"], source["status"], source["why"], source["partial"]


def _judged(found: Found, answer: Answer) -> Iterator[str]:
    _, status, why, partial = found
    if answer.status.startswith("connected"):
        if status != "connected" or why:
            yield f"is connected; said {status}, {_short(why)}"
        right = [p for p in partial if p["cause"] in answer.causes and p["line"] in answer.lines]
        if answer.status.endswith("partial") and (not right or len(partial) > 1):
            yield f"a part is missing: {answer}; said {[_short(p) for p in partial]}"
        if not answer.status.endswith("partial") and any(p["level"] != "info" for p in partial):
            yield f"nothing is missing; said {[_short(p) for p in partial]}"
        return
    if status != answer.status:
        yield f"is {answer.status}; said {status}"
    if status == "masked" and why and answer.causes != ("masked-none",):
        why = why["because"] or why
    if not answer.causes:
        return
    if not why or why["cause"] not in answer.causes or why["line"] not in answer.lines:
        yield f"the answer is {answer.causes}, line {answer.lines}; said {_short(why)}"
    elif answer.info and why["level"] != "info":
        yield f"is no more than information; said {_short(why)}"


def _short(why: Any) -> str:
    return f"{why['cause']}, line {why['line']}: {why['message']}" if why else "nothing"
