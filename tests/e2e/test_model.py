"""`scened model`: packs are added, checked, timed, and switched on a real library."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scened.models.pack import SHAPES, default_pack_folder
from tests.e2e.conftest import NAMES, Scened
from tests.packs import copy_pack

PACK_OF_PHOTOS = "SELECT pack, count(*) FROM photos GROUP BY pack"


@pytest.fixture
def second(scened: Scened, tmp_path: Path) -> str:
    """A second pack that was added: the one that ships, under another version."""
    scened("model", "add", copy_pack(tmp_path / "from-elsewhere", version="test"))
    return "everyday-test"


def test_the_pack_that_ships_is_listed_as_in_use(scened: Scened) -> None:
    (listed,) = scened.json("model", "list")
    assert (listed["pack"], listed["active"], listed["fault"]) == (
        default_pack_folder().name,
        True,
        None,
    )


def test_show_says_what_a_pack_knows(scened: Scened) -> None:
    shown = scened.json("model", "show")
    assert sum(shown["labels"].values()) > 100
    assert f"{sum(shown['labels'].values())} tags" in scened("model", "show")


def test_verify_says_that_a_pack_is_sound(scened: Scened, second: str) -> None:
    assert f"{second} is sound" in scened("model", "verify", second)


def test_bench_times_every_shape(scened: Scened) -> None:
    timed = scened.json("model", "bench")
    assert {(each["height"], each["width"]) for each in timed["shapes"]} == set(SHAPES)
    assert all(0 < each["milliseconds"] < 10_000 for each in timed["shapes"])


def test_a_switch_replaces_old_results_photo_by_photo(
    scened: Scened, library: Path, second: str
) -> None:
    first = default_pack_folder().name
    scened("run", "--once", library)
    said = scened("model", "use", second)
    assert f"{len(NAMES)} photos will be looked at again" in said
    assert scened.rows(PACK_OF_PHOTOS) == [(first, len(NAMES))]  # readable until replaced
    status = scened.json("status")
    assert (status["pack"], status["pending"], status["stale"]) == (
        second,
        len(NAMES),
        len(NAMES),
    )
    said = scened("run", "--once")
    assert f"Looked at {len(NAMES)} in" in said
    assert scened.rows(PACK_OF_PHOTOS) == [(second, len(NAMES))]
    assert scened.rows("SELECT DISTINCT pack FROM embeddings") == [(second,)]


def test_a_switch_back_needs_no_daemon_either(scened: Scened, library: Path, second: str) -> None:
    scened("run", "--once", library)
    scened("model", "use", second)
    scened("model", "use", default_pack_folder().name)
    assert "Nothing new to look at." in scened("run", "--once")


def test_a_running_daemon_switches_at_once(
    scened: Scened, daemon: subprocess.Popen[str], second: str
) -> None:
    scened("model", "use", second)
    scened.wait_for(
        "SELECT 1 FROM photos WHERE pack = ? GROUP BY pack HAVING count(*) = ?", second, len(NAMES)
    )
    scened.wait_for("SELECT 1 FROM daemon WHERE state = 'idle' AND pack = ?", second)
    assert daemon.poll() is None


def test_the_next_daemon_remembers_the_pack(scened: Scened, library: Path, second: str) -> None:
    scened("model", "use", second)
    scened("run", "--once", library)
    assert scened.rows(PACK_OF_PHOTOS) == [(second, len(NAMES))]


def refused(scened: Scened, *arguments: str | Path, code: int) -> str:
    (line,) = scened("model", *arguments, expect=code).strip().splitlines()
    assert line.startswith("scened: ")
    return line


@pytest.mark.parametrize("command", ["show", "use", "verify", "bench"])
def test_a_pack_that_is_not_there(scened: Scened, command: str) -> None:
    assert "there is no pack 'other-1'" in refused(scened, command, "other-1", code=66)


def test_a_folder_that_is_no_pack(scened: Scened, tmp_path: Path) -> None:
    assert "pack.json is missing" in refused(scened, "add", tmp_path, code=65)


def test_a_folder_that_does_not_exist(scened: Scened) -> None:
    assert "there is no folder" in refused(scened, "add", "/nowhere/at/all", code=66)


def test_another_pack_of_the_same_name(scened: Scened, second: str, tmp_path: Path) -> None:
    other = copy_pack(tmp_path / "other", version="test", summary="something else")
    assert f"another pack {second}" in refused(scened, "add", other, code=73)


def test_a_pack_that_was_damaged_after_it_was_added(scened: Scened, second: str) -> None:
    network = scened.database.parent / "packs" / second / "image.onnx"
    network.write_bytes(network.read_bytes()[:-1] + b"?")
    assert "is damaged" in refused(scened, "verify", second, code=65)
    assert "is damaged" in refused(scened, "use", second, code=65)
    faults = {each["pack"]: each["fault"] for each in scened.json("model", "list")}
    assert "is damaged" in faults[second]


def test_a_pack_in_use_that_is_gone(scened: Scened, library: Path, second: str) -> None:
    scened("model", "use", second)
    folder = scened.database.parent / "packs" / second
    folder.rename(folder.with_name("elsewhere"))
    said = scened("run", "--once", library, expect=66)
    assert f"there is no pack {second!r}" in said


@pytest.mark.promise(
    "text: escape sequences in a pack",
    "no command prints one",
)
def test_a_summary_cannot_give_the_terminal_orders(scened: Scened, tmp_path: Path) -> None:
    scened("model", "add", copy_pack(tmp_path / "sly", version="sly", summary="a\x1b[2Jb"))
    assert "\x1b" not in scened("model", "show", "everyday-sly")
