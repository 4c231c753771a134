"""The page of promises has a row for each that a test proves, and no other."""

from __future__ import annotations

from tests.broken_promises import BREAKS, REPOSITORY
from tests.reliability import HEADINGS, marked_promises, promises_on_page


def test_every_promise_that_a_test_proves_is_on_the_page_and_no_other() -> None:
    assert promises_on_page() == marked_promises()


def test_every_promise_has_a_part_of_the_page() -> None:
    assert {fault.partition(":")[0] for fault, _ in marked_promises()} <= HEADINGS.keys()


def test_what_is_broken_on_purpose_is_there_to_be_broken() -> None:
    folders = {"models": REPOSITORY / "models", "migrations": REPOSITORY / "migrations"}
    for each in BREAKS:
        first, _, rest = each.file.partition("/")
        file = folders[first] / rest if first in folders else REPOSITORY / "daemon" / each.file
        assert file.read_text("utf-8").count(each.whole) == 1, each.what
