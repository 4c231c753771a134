"""What scened promises when things go wrong, tried: `python -m tests.reliability` writes the page.

A test that proves a promise says so: `@pytest.mark.promise("store: the disk is full", "waits, and
goes on when there is room")`. It may say how often it tried and what it saw:
`record_property("tried", 20)`, `record_property("seen", "at most 310 MB")`. The word before the
colon is the part of the page that it stands in.
"""

from __future__ import annotations

import argparse
import ast
import datetime
import platform
import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scened import __version__
from tests.broken_promises import BREAKS, Break, is_noticed

__all__ = ["PAGE", "Promise", "marked_promises", "promises_on_page"]

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "reliability.md"
TABLES = re.compile(r"(?<=<!-- begin: python -m tests\.reliability -->\n).*(?=<!-- end -->)", re.S)
ROW = re.compile(r"^\| (.+?) \| [\d,]+ \| (.+?) \| .+ \|$", re.M)
HEADINGS = {
    "disk": "The truth of the disk",
    "kill": "Kills",
    "store": "The store under stress",
    "file": "Hostile files",
    "text": "Text from files",
    "pack": "Packs",
    "watch": "Watching",
    "soak": "Soak",
    "access": "Who may",
    "privacy": "Privacy",
}


class Promise(tuple[str, str]):
    """A fault (with the part of the page before a colon) and what is promised when it happens."""

    __slots__ = ()


@dataclass
class _Tried:
    """What the tests of one promise did and saw."""

    outcomes: Counter[str] = field(default_factory=Counter)
    times: int = 0
    seen: dict[str, None] = field(default_factory=dict)

    def add(self, report: pytest.TestReport) -> None:
        said = dict(report.user_properties)
        self.outcomes[report.outcome] += 1
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            self.seen[reason.removeprefix("Skipped: ")] = None
            return
        self.times += int(str(said.get("tried", 1)))
        if "seen" in said:
            self.seen[str(said["seen"])] = None

    @property
    def words(self) -> str:
        if self.outcomes["failed"]:
            verdict = f"BROKEN in {self.outcomes['failed']} of {self.outcomes.total()} tests"
        elif self.outcomes["passed"]:
            verdict = "kept"
        else:
            verdict = "not tried here"
        return "; ".join((verdict, *self.seen))


class _Collector:
    """A pytest plugin that notes the outcome of every test that proves a promise."""

    def __init__(self) -> None:
        self.tried: dict[Promise, _Tried] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterable[None]:
        report: pytest.TestReport = yield
        # a test that ends before its call has failed or was skipped
        if report.when == "call" or (report.when == "setup" and not report.passed):
            for mark in item.iter_markers("promise"):
                self.tried.setdefault(Promise(mark.args), _Tried()).add(report)
        return report


def marked_promises() -> set[Promise]:
    """Return the promises that tests are marked with."""
    return {
        Promise(word.value for word in call.args if isinstance(word, ast.Constant))
        for file in (REPOSITORY / "tests").rglob("test_*.py")
        for call in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "promise"
    }


def promises_on_page() -> set[Promise]:
    """Return the promises that the page has rows for."""
    found = set()
    part = ""
    tables = TABLES.search(PAGE.read_text("utf-8"))
    for line in tables[0].splitlines() if tables else ():
        headings = [key for key, words in HEADINGS.items() if line == f"### {words}"]
        part = headings[0] if headings else part
        row = ROW.match(line)
        if row and part:
            found.add(Promise((f"{part}: {row[1]}", row[2])))
    return found


def main() -> None:
    """Run the tests that prove promises, break some promises, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability")
    parser.add_argument("tests", nargs="*", default=["tests"])
    arguments = parser.parse_args()
    collector = _Collector()
    code = pytest.main(["-q", "-m", "promise", *arguments.tests], plugins=[collector])
    for each in marked_promises():
        collector.tried.setdefault(each, _Tried())
    noticed = {each: is_noticed(each) for each in BREAKS}
    tables = _tables(collector.tried, noticed)
    print(tables)
    if arguments.tests == ["tests"]:
        PAGE.write_text(TABLES.sub(lambda _: tables, PAGE.read_text("utf-8")), "utf-8")
    sys.exit(code or (0 if all(noticed.values()) else 1))


def _tables(tried: dict[Promise, _Tried], noticed: dict[Break, bool]) -> str:
    today = datetime.datetime.now(tz=datetime.UTC).date()
    lines = [
        f"Printed on {today} by scened {__version__}, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}.",
    ]
    for part, heading in HEADINGS.items():
        rows = {each: ends for each, ends in tried.items() if each[0].startswith(f"{part}: ")}
        if rows:
            lines += ["", f"### {heading}", "", "| fault | tried | promised | seen |"]
            lines += ["|---|---|---|---|"]
        for (fault, promised), ends in sorted(rows.items()):
            lines.append(
                f"| {fault.removeprefix(part + ': ')} | {ends.times:,} | {promised}"
                f" | {ends.words.replace('|', '/')} |"
            )
    lines += ["", "### Promises broken on purpose", "", "| what the code no longer does | the test that is to fail | it |", "|---|---|---|"]  # fmt: skip # noqa: E501
    for each, failed in noticed.items():
        test = each.test.partition("::")[2] or each.test
        lines.append(f"| {each.what} | `{test}` | {'fails' if failed else 'DOES NOT FAIL'} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
