"""The checks of this project, each in an environment of its own: ``nox`` runs all of them."""

from __future__ import annotations

import nox

nox.options.reuse_existing_virtualenvs = True


@nox.session
def lint(session: nox.Session) -> None:
    session.install("ruff>=0.9")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    session.install("-e", ".[test,dev]")
    session.run("mypy")


# The ends of the range of versions that pyproject.toml names. The recorder's private interfaces are
# what may differ, so the tests that need a kernel or a browser are left out of both. (They pass there
# too: the session tests runs them with the newest.)
OLDEST = ("tensorflow==2.16.2", "keras>=3,<4")
NEWEST = ("tensorflow==2.21.*", "keras>=3,<4")
INSIDE = ("recorder", "traces", "cell", "diagnosis", "questions", "agreement")


@nox.session(python="3.11")
@nox.parametrize("versions", [OLDEST, NEWEST], ids=["oldest", "newest"])
def tensorflow(session: nox.Session, versions: tuple[str, ...]) -> None:
    session.install(*versions, "-e", ".[test]")
    session.run("python", "-m", "pytest", *(f"tests/{name}" for name in INSIDE), *session.posargs)


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)
