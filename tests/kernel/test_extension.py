"""Loading, unloading, reloading; what importing costs and brings with it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.conftest import USE_STUB
from tests.kernel.driver import Kernel

ROOT = Path(__file__).parents[2]

SNAPSHOT = """
def snapshot():
    ip = get_ipython()
    return {
        "cleanup": list(ip.input_transformers_cleanup),
        "ast": list(ip.ast_transformers),
        "events": {name: list(found) for name, found in ip.events.callbacks.items()},
        "line": sorted(ip.magics_manager.magics["line"]),
        "cell": sorted(ip.magics_manager.magics["cell"]),
        "registry": sorted(ip.magics_manager.registry),
        "configurables": list(ip.configurables),
        "matchers": list(ip.Completer.custom_matchers),
        "run_code": vars(ip).get("run_code"),
    }

# IPython fetches the class of these magics when the first one is used.
%load_ext storemagic
%unload_ext storemagic
"""


@pytest.fixture
def fresh() -> Iterator[Kernel]:
    """A kernel in which nothing is loaded yet."""
    kernel = Kernel()
    try:
        yield kernel
    finally:
        kernel.close()


@pytest.mark.kernel
def test_unload_leaves_nothing(fresh: Kernel) -> None:
    fresh.done(SNAPSHOT)
    fresh.done("before = snapshot()")
    fresh.done(USE_STUB)
    fresh.done("%%tape\n1")
    fresh.done("%unload_ext tapemagic")
    assert fresh.value("[k for k, v in snapshot().items() if v != before[k]]") == "[]"
    gone = fresh.run("%%tape\n1")
    assert gone.status == "error"
    assert "not found" in gone.stderr
    assert "--level" not in fresh.complete("%%tape --le")


@pytest.mark.kernel
def test_reload_and_load_again(fresh: Kernel) -> None:
    fresh.done(USE_STUB)
    fresh.done("%reload_ext tapemagic")
    assert len(fresh.done("%%tape\n1").reports) == 1
    fresh.done("%unload_ext tapemagic\n%load_ext tapemagic")
    fresh.done("import tapemagic; tapemagic.load_ipython_extension(get_ipython())")
    assert len(fresh.done("%%tape\n1").reports) == 1


@pytest.mark.kernel
def test_unload_within_a_traced_cell(fresh: Kernel) -> None:
    fresh.done(SNAPSHOT)
    fresh.done("before = snapshot()")
    fresh.done(USE_STUB)
    outcome = fresh.done("%%tape\n%unload_ext tapemagic\nlen([1])")
    assert (outcome.text, len(outcome.reports)) == ("1", 1)
    assert fresh.value("[k for k, v in snapshot().items() if v != before[k]]") == "[]"
    assert fresh.value("stub_session.ACTIVE") == "[]"


@pytest.mark.kernel
def test_load_within_a_cell_and_before_any(fresh: Kernel) -> None:
    outcome = fresh.run("%tape last")
    assert outcome.status == "error"
    fresh.done(USE_STUB)
    outcome = fresh.run("%tape last")
    assert "no cell has been traced yet" in outcome.stderr


@pytest.mark.kernel
def test_from_configuration() -> None:
    kernel = Kernel(
        "--IPKernelApp.extensions=tapemagic", "--TapeMagic.quiet=True", "--TapeMagic.level=op"
    )
    try:
        kernel.done(USE_STUB.replace("%load_ext tapemagic", ""))
        assert kernel.done("%%tape -o r\n1").reports == []
        assert kernel.value("r.options.level") == "'op'"
    finally:
        kernel.close()


@pytest.mark.kernel
def test_an_old_run_code_wrapper_stays(fresh: Kernel) -> None:
    fresh.done(USE_STUB)
    fresh.done(
        "ip = get_ipython(); seen = []\n"
        "def other(code, result=None, *, async_=False):\n"
        "    seen.append(code)\n"
        "    return type(ip).run_code(ip, code, result, async_=async_)\n"
        "ip.run_code = other"
    )
    fresh.done("%%tape\n1")
    assert fresh.value("vars(ip)['run_code'] is other, len(seen) > 0") == "(True, True)"


def run_python(code: str) -> str:
    """Run code in a new interpreter, and give what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def modules(before: str, then: str) -> list[str]:
    """The modules that a statement loads, apart from Python's own."""
    code = (
        f"import sys\n{before}\nbefore = set(sys.modules)\n{then}\n"
        "new = set(sys.modules) - before\n"
        "print(*sorted(m for m in new if m.partition('.')[0] not in sys.stdlib_module_names))"
    )
    return run_python(code).split()


def test_import_loads_next_to_nothing() -> None:
    # That is why it takes milliseconds: everything else is loaded where it is needed.
    assert modules("", "import tapemagic") == ["tapemagic"]


def test_load_ext_loads_the_magic_alone() -> None:
    shell = "from IPython.core.interactiveshell import InteractiveShell as S\ns = S.instance()"
    loaded = modules(shell, "s.run_line_magic('load_ext', 'tapemagic')")
    ours = {m for m in loaded if m.startswith("tapemagic")}
    assert {m for m in ours if not m.startswith("tapemagic.magics")} <= {
        "tapemagic",
        "tapemagic.options",
    }
    assert all(m.startswith("IPython") for m in set(loaded) - ours)


def test_tensorflow_is_not_imported() -> None:
    loaded = run_python(
        "from IPython.core.interactiveshell import InteractiveShell as S\n"
        "import sys; s = S.instance(); s.run_line_magic('load_ext', 'tapemagic')\n"
        "print(sorted(m for m in sys.modules if m.partition('.')[0] in"
        " {'tensorflow', 'keras', 'numpy', 'wasmtime', 'graphviz'}))"
    )
    assert loaded == "[]"


@pytest.mark.parametrize(
    "before", ["import tapemagic", "import tapemagic.traces.model", "import tapemagic.session"]
)
def test_trace_is_the_function(before: str) -> None:
    said = run_python(
        f"{before}\nimport tapemagic\nfrom tapemagic.tracing import trace\n"
        "import tapemagic.traces.model\nprint(tapemagic.trace is trace)"
    )
    assert said == "True"


def test_unknown_attribute() -> None:
    import tapemagic

    with pytest.raises(AttributeError, match="has no attribute 'nowhere'"):
        tapemagic.nowhere  # noqa: B018 -- the access is what is tested
    assert {"run_cell", "trace", "load", "Report"} <= set(dir(tapemagic))
