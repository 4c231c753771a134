"""A database of contract version 1, frozen on its first day: what it said then it says for ever."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import scened
from scened.findings import Face
from scened.store.database import open_for_writing
from scened.store.recognition import open_plainly
from tests.frozen.make_contract_1 import VIEWS, said

FROZEN = Path(__file__).parents[1] / "frozen" / "contract-1.sqlite"
SAID: dict[str, list[dict[str, Any]]] = json.loads(FROZEN.with_suffix(".json").read_text("utf-8"))
DOCUMENT = (Path(__file__).parents[2] / "docs" / "contract.md").read_text("utf-8")
ASTRONAUT = "/home/ada/Pictures/2019 Rome/astronaut.jpg"


@pytest.fixture(params=["as it is", "brought to today's schema"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the frozen database."""
    copy = Path(shutil.copy(FROZEN, tmp_path / "library.sqlite"))
    if request.param != "as it is":
        open_for_writing(copy).close()
    return copy


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_says_what_it_said(file: Path, view: str) -> None:
    then = SAID[view]
    now = [
        {name: value for name, value in row.items() if name in then[0]} for row in said(file)[view]
    ]
    assert now == then


def test_the_reading_api_tells_of_a_photo_what_the_views_say(file: Path) -> None:
    with scened.Library.open(file) as library:
        seen = library.photo(ASTRONAUT)
    (row,) = (row for row in SAID["photos"] if row["path"] == ASTRONAUT)
    assert {name: getattr(seen, name) for name in row if name != "path_bytes"} == {
        name: value for name, value in row.items() if name != "path_bytes"
    }
    assert {(tag.tag, tag.score, tag.kind) for tag in seen.tags} == {
        (tag["tag"], tag["score"], tag["kind"])
        for tag in SAID["photo_tags"]
        if tag["photo_id"] == row["id"]
    }
    (face,) = SAID["faces"]
    assert seen.faces == (Face(*(face[n] for n in ("x", "y", "width", "height", "score"))),)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("cats", ["chelsea.jpg", "copy of chelsea.jpg"]),
        ("rome 2019", ["astronaut.jpg"]),
        ("june -child", []),
        ("pocket", ["astronaut.jpg"]),
        ("beverage", ["caf�.png"]),
    ],
)
def test_the_reading_api_finds_by_words(file: Path, query: str, names: list[str]) -> None:
    with scened.Library.open(file) as library:
        found = library.search(query, by="tags").photos
    assert [Path(photo.path).name for photo in found] == names


def test_the_reading_api_compares_embeddings(file: Path) -> None:
    with scened.Library.open(file) as library:
        nearest = library.similar([5])
    assert Path(nearest[0].path).name == "copy of chelsea.jpg"
    assert nearest[0].likeness == pytest.approx(1, abs=0.02)


def test_the_reading_api_follows_along(file: Path) -> None:
    with scened.Library.open(file) as library:
        changes = library.changes()
        tags = {tag.tag: tag.photos for tag in library.tags()}
        exact = library.duplicates(near=False)
    expected = [row["seq"] for row in (*SAID["photos"], *SAID["removed"])]
    assert [change.seq for change in changes] == sorted(expected)
    assert [change.photo_id for change in changes if change.path is None] == [4]
    assert tags == {row["name"]: row["photos"] for row in SAID["tags"] if row["photos"]}
    assert [len(group.photos) for group in exact] == [2]


def test_a_path_that_is_not_utf_8_stays_exact(file: Path) -> None:
    with scened.Library.open(file) as library:
        assert library.exact_paths([2]) == [b"/home/ada/Pictures/caf\xe9.png"]


def examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.mark.parametrize("code", examples("python"))
def test_the_python_examples_run(file: Path, code: str) -> None:
    ran = subprocess.run([sys.executable, "-c", code], cwd=file.parent, capture_output=True)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"/home/ada/Pictures/chelsea.jpg" in ran.stdout


@pytest.mark.parametrize("code", examples("sh"))
def test_the_shell_examples_run(file: Path, code: str) -> None:
    if shutil.which("sqlite3") is None:
        pytest.skip("the sqlite3 shell is not installed")
    ran = subprocess.run(["sh", "-ec", code], cwd=file.parent, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "cat|2" in ran.stdout


@pytest.mark.parametrize("code", examples("javascript"))
def test_the_javascript_example_runs(file: Path, code: str) -> None:
    node = shutil.which("node")
    if node is None or subprocess.run([node, "-e", "require('node:sqlite')"]).returncode:
        pytest.skip("Node 22.5 or newer is not installed")
    ran = subprocess.run([node, "-e", code], cwd=file.parent, capture_output=True, text=True)
    assert "/home/ada/Pictures/chelsea.jpg" in ran.stdout


@pytest.mark.parametrize("code", examples("swift"))
def test_the_swift_example_runs(file: Path, code: str) -> None:
    swift = shutil.which("swift")
    if swift is None:
        pytest.skip("Swift is not installed")
    (file.parent / "example.swift").write_text(code)
    ran = subprocess.run([swift, "example.swift"], cwd=file.parent, capture_output=True, text=True)
    assert "/home/ada/Pictures/chelsea.jpg" in ran.stdout


@pytest.mark.parametrize("statement", examples("sql")[0].split(";\n")[:2])
def test_the_sql_of_following_along_gives_what_changed(file: Path, statement: str) -> None:
    connection = open_plainly(file)
    assert connection.execute(statement.rstrip("\n;"), {"cursor": 0}).fetchall()
    connection.close()
