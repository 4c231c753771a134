"""Commands carried out, and how their answers read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scened.errors import ExitCode, MissingPath, ScenedError
from scened.requests import ADD, REMOVE, carry_out, folder_to_add
from scened.store.commands import Command
from tests.integration.conftest import FINDINGS, Library, put


def do(library: Library, verb: str, path: Path | bytes) -> str:
    answer = carry_out(library.database, Command(1, verb, bytes(path)))
    assert answer.exit_code == ExitCode.DONE
    return answer.sentence


def test_a_folder_is_watched(library: Library, tmp_path: Path) -> None:
    assert do(library, ADD, tmp_path) == f"{tmp_path} is watched now"
    assert [root.path for root in library.roots()] == [bytes(tmp_path)]


def test_a_folder_watched_already(library: Library, root: Path) -> None:
    assert do(library, ADD, root) == f"{root} was watched already"


def test_a_folder_inside_a_watched_one(library: Library, root: Path) -> None:
    said = do(library, ADD, root / "inner")
    assert said == f"{root / 'inner'} is watched already, as part of {root}"
    assert len(library.roots()) == 1


def test_the_root_folder_is_called_by_its_name(library: Library) -> None:
    assert do(library, ADD, b"") == "/ is watched now"


def test_a_name_that_is_not_utf_8_is_said_all_the_same(library: Library) -> None:
    assert do(library, ADD, b"/caf\xe9") == "/caf\ufffd is watched now"


def test_removing_says_how_many_photos_were_forgotten(library: Library, root: Path) -> None:
    put(root / "a.jpg", 1)
    put(root / "b.jpg", 2)
    library.walk()
    assert f"{root} is watched no longer; 2 photos forgotten" in do(library, REMOVE, root)


def test_removing_drops_what_was_known_of_the_contents(library: Library, root: Path) -> None:
    put(root / "a.jpg")
    library.walk()
    library.look(findings=FINDINGS)
    do(library, REMOVE, root)
    assert library.one("SELECT count(*) FROM content") == 0


def test_a_folder_that_is_not_watched_cannot_be_removed(library: Library, root: Path) -> None:
    with pytest.raises(MissingPath, match=f"is not a watched folder; watched are: {root}$"):
        do(library, REMOVE, root / "inner")


def test_where_nothing_is_watched_nothing_can_be_removed(library: Library) -> None:
    with pytest.raises(MissingPath, match="watched are: none yet"):
        do(library, REMOVE, b"/nowhere")


def test_a_command_of_another_version_is_refused(library: Library) -> None:
    with pytest.raises(ScenedError, match="does not know the command 'dance'"):
        do(library, "dance", b"")


def test_a_folder_is_named_by_its_resolved_path(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert folder_to_add(tmp_path / "link" / ".." / "link") == bytes(tmp_path / "real")


def test_the_root_folder_has_an_empty_path() -> None:
    assert folder_to_add(Path("/")) == b""


def test_a_name_that_is_not_utf_8_stays_exact(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    assert folder_to_add(folder) == bytes(folder)


def test_a_folder_that_is_not_there_cannot_be_added(tmp_path: Path) -> None:
    with pytest.raises(MissingPath, match="there is no folder"):
        folder_to_add(tmp_path / "nowhere")


def test_a_file_cannot_be_added(tmp_path: Path) -> None:
    with pytest.raises(MissingPath, match="is not a folder"):
        folder_to_add(put(tmp_path / "a.jpg"))


def test_a_loop_of_links_cannot_be_added(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(MissingPath, match="there is no folder"):
        folder_to_add(tmp_path / "loop")
