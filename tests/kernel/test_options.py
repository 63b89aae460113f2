"""Options, their errors, their defaults, and ``%tape``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.driver import Kernel

pytestmark = pytest.mark.kernel

SESSION = "stub_session.FINISHED[-1]"


@pytest.mark.parametrize(
    ("line", "run"),
    [
        ("", (None, (), (), None)),
        ("-t a", ("a", (), (), True)),
        ("--target=a", ("a", (), (), True)),
        ('-t "a + b"', ("a + b", (), (), True)),
        ("-t a,b", ("[a, b]", (), (), True)),
        ("-s a,b", (None, ("a", "b"), (), True)),
        ("-s a -s b", (None, ("a", "b"), (), True)),
        ("-s 'max(a, b), b'", (None, ("max(a, b)", "b"), (), True)),
        ("-w a -t b", ("b", (), ("a",), True)),
        ("-s d['k']", (None, ("d['k']",), (), True)),
        ("-q --level op", (None, (), (), None)),
    ],
)
def test_run_options(kernel: Kernel, line: str, run: tuple[object, ...]) -> None:
    kernel.done(f"%%tape {line}\na = b = 1\nd = dict(k=2)")
    fields = "target", "sources", "watch", "own_tape"
    got = kernel.value(f"tuple(getattr({SESSION}.options, f) for f in {fields})")
    assert got == repr(run)


def test_session_gets_the_cell(kernel: Kernel) -> None:
    kernel.done("\n%%tape\nx = 1\ndef f():\n    pass")
    assert kernel.value(f"{SESSION}.first_filename == f.__code__.co_filename") == "True"
    assert kernel.value(f"{SESSION}.source") == repr("# %%tape\n\nx = 1\ndef f():\n    pass\n")
    assert kernel.value(f"{SESSION}.filename == f.__code__.co_filename") == "True"
    assert kernel.value(f"{SESSION}.files == {{f.__code__.co_filename}}") == "True"


def test_session_gets_the_nested_cell(kernel: Kernel) -> None:
    kernel.done("%%time\n%%tape\ndef f():\n    pass")
    assert kernel.value(f"{SESSION}.source") == repr("# %%time\n# %%tape\ndef f():\n    pass\n")
    assert kernel.value(f"{SESSION}.files == {{f.__code__.co_filename}}") == "True"


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("%%tape --nowhere\n1", "%%tape: unrecognized arguments: --nowhere"),
        ("%%tape -t a + b\n1", '"a + b"'),
        ("%%tape --level pixel\n1", "invalid choice: 'pixel'"),
        ("%%tape -t\n1", "expected one argument"),
        ("%%tape -t 'a\n1", "%%tape:"),
        ("%%tape -t a+\n1", "'a+' is none"),
        ("%%tape -o 1x\n1", "'1x' is none"),
        (
            "%%tape -s mispelled\nmisspelled = 1",
            "no 'mispelled' for --sources; there are misspelled",
        ),
        ("%%tape", "the cell body is empty"),
        ("%%tape -q\n\n   \n", "the cell is empty"),
        ("%%time\n%%tape --nowhere\n1", "unrecognized arguments"),
    ],
)
def test_usage_errors_are_one_line(kernel: Kernel, cell: str, said: str) -> None:
    outcome = kernel.run(cell)
    assert outcome.status == "error"
    assert said in outcome.stderr
    assert outcome.stderr.startswith("UsageError: ")
    assert outcome.stderr.count("\n") == 1
    assert (outcome.reports, outcome.value) == ([], None)


@pytest.mark.parametrize(
    "body",
    ["from math import *", "exec('late = 1')", "globals()['late'] = 1", "%run nowhere.py"],
)
def test_names_that_the_text_does_not_show_are_left_to_the_session(
    kernel: Kernel, body: str
) -> None:
    outcome = kernel.run(f"%%tape -t late\n{body}")
    assert "UsageError" not in outcome.stderr


def test_quiet(kernel: Kernel) -> None:
    assert kernel.done("%%tape -q\nx = 1").reports == []
    assert len(kernel.done("%%tape -q\nattention = 1").reports) == 1
    assert len(kernel.run("%%tape --quiet\n1 / 0").reports) == 1


def test_output_name(kernel: Kernel) -> None:
    kernel.done("%%tape -q -o mine\nx = 1")
    assert kernel.value("type(mine).__name__, mine.options.quiet") == "('StubReport', True)"


def test_display_options(kernel: Kernel) -> None:
    kernel.done("%%tape --level line --no-graph --no-table -o mine\nx = 1")
    assert kernel.value("mine.options") == (
        "DisplayOptions(level='line', graph=False, table=False, quiet=False)"
    )


def test_save(kernel: Kernel, tmp_path: Path) -> None:
    file = tmp_path / "with blank.txt"
    outcome = kernel.done(f"%%tape -q --save '{file}'\nx = 1")
    assert outcome.reports == []
    assert file.read_text() == "stub report: NoneType, 0 calls"


def test_save_to_several_files(kernel: Kernel, tmp_path: Path) -> None:
    first, second = tmp_path / "one.txt", tmp_path / "two.txt"
    kernel.done(f"%%tape -q --save {first} --save {tmp_path}/none/x.md --save {second}\nx = 1")
    assert (first.exists(), second.exists()) == (True, True)


def test_save_that_fails(kernel: Kernel, tmp_path: Path) -> None:
    for file in (tmp_path / "x.odd", tmp_path / "nowhere" / "x.txt"):
        outcome = kernel.done(f"%%tape --save {file}\n7")
        assert outcome.text == "7"
        _, said = outcome.reports
        assert str(file) in said["text/plain"]
        assert not file.exists()


def test_configuration(kernel: Kernel) -> None:
    try:
        kernel.done("%config TapeMagic.quiet = True\n%config TapeMagic.level = 'op'")
        assert kernel.done("%%tape -o mine\n1").reports == []
        assert kernel.value("mine.options.level") == "'op'"
        assert len(kernel.done("%%tape --no-quiet --level line -o mine\n1").reports) == 1
        assert kernel.value("mine.options.level") == "'line'"
        kernel.done("%config TapeMagic.try_fixes = True")
        kernel.done("%%tape\n1")
        assert kernel.value(f"{SESSION}.options.try_fixes") == "True"
    finally:
        kernel.done("%config TapeMagic.quiet = False\n%config TapeMagic.level = 'auto'")
        kernel.done("%config TapeMagic.try_fixes = False")


@pytest.mark.parametrize("request_", ["%%tape?", "?%%tape"])
def test_help(kernel: Kernel, request_: str) -> None:
    (page,) = kernel.done(request_).reply["payload"]
    text = page["data"]["text/plain"]
    for option in ("--target", "--sources", "--watch", "--level", "--save", "--try-fixes"):
        assert option in text


def test_tape_last(kernel: Kernel) -> None:
    kernel.run("%%tape\nlen([])\n1 / 0")
    assert kernel.done("%tape last").report == "stub report: ZeroDivisionError, 1 calls"


@pytest.mark.parametrize("line", ["%tape", "%tape nowhere", "%tape last one"])
def test_tape_command_errors(kernel: Kernel, line: str) -> None:
    outcome = kernel.run(line)
    assert outcome.status == "error"
    assert outcome.stderr.startswith("UsageError: %tape")
    assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize("stage", ["init", "rewrite", "embed", "start", "finish"])
@pytest.mark.parametrize("head", ["%%tape\n", "%%time\n%%tape\n"])
def test_a_failure_of_ours_is_one_line_and_the_cell_stands(
    kernel: Kernel, stage: str, head: str
) -> None:
    kernel.done(f"stub_session.FAIL.add({stage!r})")
    outcome = kernel.done(f"{head}x = len([1, 2])\nx")
    assert outcome.text == "2"
    assert f"ZeroDivisionError: stub {stage}" in outcome.report
    assert "the cell itself ran as usual" in outcome.report
    assert outcome.stderr == ""
    kernel.done("stub_session.FAIL.clear()")
    assert kernel.value("'run_code' in vars(get_ipython())") == "False"
    assert kernel.done("%%tape\n1").report == "stub report: NoneType, 0 calls"
