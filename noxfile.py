"""The tests on every Python that is here: `nox`, or `nox -s tests-3.12 -- tests/unit`."""

from __future__ import annotations

import nox

nox.options.error_on_missing_interpreters = False


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """Run the tests with the newest libraries that setup.cfg allows."""
    session.install("--editable", ".[gallery,test,check]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(python="3.11")
def pinned(session: nox.Session) -> None:
    """Run the tests with the very libraries of constraints.txt."""
    session.install("--constraint", "constraints.txt", "--editable", ".[gallery,test,check]")
    session.run("python", "-m", "pytest", *session.posargs)
