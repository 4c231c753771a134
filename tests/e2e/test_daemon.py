"""`scened run`: the daemon follows the disk, answers commands, and ends well."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import PATIENCE_SECONDS, Scened, age
from tests.photos import photo, write_photo

Daemon = subprocess.Popen[str]


def analysed(scened: Scened, path: Path) -> list[tuple[int]]:
    return scened.wait_for(
        "SELECT id FROM photos WHERE path = ? AND status = 'analysed'", str(path)
    )


def test_a_photo_copied_into_the_folder_is_analysed(
    scened: Scened, library: Path, daemon: Daemon
) -> None:
    write_photo(library / "inner" / "camera.png", photo("camera.png"))
    assert analysed(scened, library / "inner" / "camera.png")


def test_a_photo_in_a_new_folder_is_analysed(scened: Scened, library: Path, daemon: Daemon) -> None:
    (library / "new" / "deep").mkdir(parents=True)
    write_photo(library / "new" / "deep" / "camera.png", photo("camera.png"))
    assert analysed(scened, library / "new" / "deep" / "camera.png")


def test_a_renamed_photo_keeps_its_id_and_costs_no_look(
    scened: Scened, library: Path, daemon: Daemon
) -> None:
    before = analysed(scened, library / "chelsea.jpg")
    looks = scened.rows("SELECT count(*), max(analysed_at) FROM photos")
    (library / "chelsea.jpg").rename(library / "Minka.jpg")
    assert analysed(scened, library / "Minka.jpg") == before
    assert scened.rows("SELECT count(*), max(analysed_at) FROM photos") == looks


def test_a_deleted_photo_is_removed(scened: Scened, library: Path, daemon: Daemon) -> None:
    ((photo_id,),) = analysed(scened, library / "chelsea.jpg")
    (library / "chelsea.jpg").unlink()
    assert scened.wait_for("SELECT 1 FROM removed WHERE photo_id = ?", photo_id)


def test_an_edited_photo_is_looked_at_anew(scened: Scened, library: Path, daemon: Daemon) -> None:
    ((before,),) = scened.rows(
        "SELECT content_hash FROM photos WHERE path = ?", str(library / "chelsea.jpg")
    )
    write_photo(library / "chelsea.jpg", photo("camera.png"))
    assert scened.wait_for(
        "SELECT 1 FROM photos WHERE path = ? AND content_hash <> ? AND status = 'analysed'",
        str(library / "chelsea.jpg"),
        before,
    )


def test_a_root_that_goes_away_keeps_what_is_known_and_comes_back(
    scened: Scened, library: Path, daemon: Daemon
) -> None:
    before = scened.rows("SELECT id, analysed_at FROM photos ORDER BY id")
    library.rename(library.with_name("unplugged"))
    scened.wait_for("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM photos WHERE status <> 'missing')")
    library.with_name("unplugged").rename(library)
    scened.wait_for("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM photos WHERE status <> 'analysed')")
    assert scened.rows("SELECT id, analysed_at FROM photos ORDER BY id") == before


def test_a_second_daemon_is_refused(scened: Scened, library: Path, daemon: Daemon) -> None:
    assert "another scened works on" in scened("run", library, expect=75)


def test_once_beside_a_daemon_hands_its_folder_over(
    scened: Scened, library: Path, daemon: Daemon
) -> None:
    other = library.with_name("other")
    other.mkdir()
    age(write_photo(other / "camera.png", photo("camera.png")))
    said = scened("run", "--once", other)
    assert "6 photos analysed" in said


def test_add_and_remove_are_done_by_the_daemon(
    scened: Scened, library: Path, daemon: Daemon
) -> None:
    other = library.with_name("other")
    other.mkdir()
    age(write_photo(other / "camera.png", photo("camera.png")))
    scened("add", other)
    analysed(scened, other / "camera.png")
    assert "1 photos forgotten" in scened("remove", other)
    assert scened.rows("SELECT count(*) FROM photos WHERE root = ?", str(other)) == [(0,)]


def test_status_tells_that_it_runs_and_that_it_ended(
    scened: Scened, library: Path, daemon: Daemon
) -> None:
    assert scened.json("status")["state"] == "idle"
    daemon.send_signal(signal.SIGTERM)
    daemon.communicate(timeout=PATIENCE_SECONDS)
    assert not scened.json("status")["running"]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's /proc")
def test_the_daemon_process_carries_nothing_that_decodes(
    scened: Scened, library: Path, daemon: Daemon
) -> None:
    mapped = Path(f"/proc/{daemon.pid}/maps").read_text()
    carried = ("numpy", "onnxruntime", "PIL/", "pillow_heif", "xxhash", "libheif")
    assert [name for name in carried if name in mapped] == []


def test_a_signal_ends_it_cleanly(scened: Scened, library: Path, daemon: Daemon) -> None:
    daemon.send_signal(signal.SIGINT)
    _, err = daemon.communicate(timeout=PATIENCE_SECONDS)
    assert (daemon.returncode, err) == (0, "")


def test_no_analyzer_outlives_the_daemon(scened: Scened, library: Path, daemon: Daemon) -> None:
    children = psutil.Process(daemon.pid).children()
    daemon.send_signal(signal.SIGKILL)
    daemon.communicate()
    gone, alive = psutil.wait_procs(children, timeout=PATIENCE_SECONDS)
    assert (len(gone), alive) == (1, [])


def test_a_photo_that_is_written_slowly_is_taken_once_it_is_whole(
    scened: Scened, library: Path, daemon: Daemon, tmp_path: Path
) -> None:
    whole = write_photo(tmp_path / "whole.jpg", photo("camera.png"), quality=95).read_bytes()
    slow = library / "slow.jpg"
    with slow.open("wb") as file:
        for start in range(0, len(whole), len(whole) // 4):
            file.write(whole[start : start + len(whole) // 4])
            file.flush()
            # what a slow copy does between its blocks; the daemon looks meanwhile
            scened("status")
    analysed(scened, slow)
    assert scened.rows("SELECT count(*) FROM photos WHERE status = 'failed'") == [(0,)]


def test_it_says_once_which_photos_wait_for_a_codec(
    scened: Scened, library: Path, without_extras: None
) -> None:
    shutil.copy(library / "chelsea.jpg", library / "one.dng")
    process = scened.start("run", library)
    scened.wait_until_idle()
    write_photo(library / "later.jpg", photo("camera.png"))
    analysed(scened, library / "later.jpg")
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert said.count(f"left alone: {library / 'one.dng'}: RAW photos need a codec") == 1
