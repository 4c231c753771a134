"""The commands that forget and relocate, the switch for faces, and who may read what is written."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from scened.gallery.cache import PictureCache
from tests.e2e.conftest import Scened


@pytest.fixture
def analysed(scened: Scened, library: Path) -> Scened:
    scened.look_at(library)
    return scened


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.promise(
    "privacy: `scened forget PATH`",
    "no byte is left in database, search index, log, backups, thumbnails and side files",
)
def test_a_photo_is_forgotten_down_to_its_bytes(analysed: Scened, library: Path) -> None:
    analysed("db", "backup")
    (library / "chelsea.jpg").unlink()
    assert "1 photos forgotten" in analysed("forget", library / "chelsea.jpg")
    data = files(analysed.database.parent)
    assert analysed.database in data
    assert [path for path in data if b"chelsea" in path.read_bytes()] == []
    assert analysed.json("status")["done"] == 4


@pytest.fixture
def small_pictures(analysed: Scened) -> Path:
    """What a gallery has kept."""
    kept = PictureCache(analysed.cache / "scened" / "gallery", 1_000_000)
    kept.put(b"a picture", "chelsea")
    return analysed.cache


@pytest.mark.promise(
    "privacy: `scened forget PATH`",
    "no byte is left in database, search index, log, backups, thumbnails and side files",
)
def test_small_pictures_of_the_gallery_are_forgotten(
    analysed: Scened, library: Path, small_pictures: Path
) -> None:
    assert len(files(small_pictures)) == 1
    analysed("forget", library / "chelsea.jpg")
    assert files(small_pictures) == []


def test_purging_leaves_nothing_behind(
    analysed: Scened, library: Path, small_pictures: Path, tmp_path: Path
) -> None:
    analysed("db", "backup")
    (analysed.database.parent / "packs").mkdir()
    (analysed.database.parent / "packs" / "active").write_text("everyday-1\n")
    with pytest.MonkeyPatch.context() as environment:
        for name in ("HOME", "XDG_CONFIG_HOME"):  # where nobody has installed a service
            environment.setenv(name, str(tmp_path))
        assert "nothing of scened is left" in analysed("service", "uninstall", "--purge")
    assert files(analysed.database.parent) == []
    assert not analysed.settings.exists()
    assert files(small_pictures) == []
    assert len(files(library)) == 5


def test_forgetting_says_what_will_be_found_again(analysed: Scened, library: Path) -> None:
    assert "is still there" in analysed("forget", library / "chelsea.jpg")


def test_a_mistyped_path_forgets_nothing_and_removes_no_backup(
    analysed: Scened, library: Path
) -> None:
    analysed("db", "backup")
    kept = {path: path.read_bytes() for path in files(analysed.database.parent / "backups")}
    said = analysed("forget", library / "chelsea.jpg", library / "chelsae.jpg", expect=66)
    assert said == (
        f"scened: no photo or folder is known at {library / 'chelsae.jpg'}; nothing was forgotten\n"
    )
    assert analysed.json("status")["done"] == 5
    assert {path: path.read_bytes() for path in kept} == kept


@pytest.mark.promise(
    "privacy: `scened forget --everything`",
    "no file of ours is left, no photo touched",
)
def test_everything_is_forgotten(analysed: Scened, library: Path) -> None:
    analysed("db", "backup")
    analysed("forget", "--everything")
    assert [path.name for path in files(analysed.database.parent)] in ([], ["library.sqlite.lock"])
    assert len(files(library)) == 5


@pytest.mark.parametrize("arguments", [(), ("--everything", "x.jpg")])
def test_forgetting_needs_to_know_what(analysed: Scened, arguments: tuple[str, ...]) -> None:
    assert "name photos or folders" in analysed("forget", *arguments, expect=2)


def test_while_a_daemon_runs_nothing_is_forgotten_or_relocated(
    scened: Scened, library: Path, daemon: subprocess.Popen[str]
) -> None:
    scened("forget", library, expect=75)
    scened("relocate", library, library.parent, expect=75)
    assert scened.json("status")["done"] == 5


@pytest.mark.promise(
    "privacy: `scened relocate OLD NEW`",
    "no photo is looked at again",
)
def test_a_library_that_moved_is_not_looked_at_again(analysed: Scened, library: Path) -> None:
    moved = library.rename(library.with_name("moved"))
    assert str(moved) in analysed("relocate", library, moved)
    assert "Nothing new to look at" in analysed("run", "--once")
    assert analysed.json("status")["done"] == 5


def test_what_is_no_watched_folder_is_not_relocated(
    analysed: Scened, library: Path, tmp_path: Path
) -> None:
    said = analysed("relocate", tmp_path / "nowhere", library.parent, expect=66)
    assert f"watched are: {library}" in said


@pytest.mark.promise(
    "privacy: faces are switched off",
    "none is looked for, and those stored are removed",
)
def test_faces_are_switched_off_and_on(scened: Scened, analysed: Scened) -> None:
    assert analysed.rows("SELECT count(*) FROM faces") != [(0,)]
    found = analysed.rows("SELECT count(*) FROM faces")
    before = scened.settings.read_text()
    scened.settings.write_text(before + "[analysis]\nfaces = false\n")
    scened.look_at()
    assert scened.rows("SELECT count(*) FROM faces") == [(0,)]
    scened.settings.write_text(before)
    scened.look_at()
    assert scened.rows("SELECT count(*) FROM faces") == found


@pytest.mark.promise(
    "access: any umask",
    "database, log, lock, backups and caches are 0600 in folders 0700",
)
def test_whatever_the_umask_nobody_else_can_read_anything(scened: Scened, library: Path) -> None:
    command = 'umask 0; "$0" run --once "$1" && "$0" db backup'
    subprocess.run(
        ["sh", "-c", command, scened.command, str(library)],
        check=True,
        capture_output=True,
        env=scened.environment,
    )
    for path in [scened.database.parent, *scened.database.parent.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert len(files(scened.database.parent)) >= 2
