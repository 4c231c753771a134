"""Files that are none, names that are commands, and what is said of all of them."""

from __future__ import annotations

import os
import re
import shutil
import socket
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.conftest import Scened, age, said_on_terminal, until, watching
from tests.hostile_files import NAMES
from tests.photos import photo

JPEG_NAMES = tuple(name + b".jpg" for name in NAMES)
TOO_LARGE_BYTES = 10_000_000_000
# Everything below the space but line feeds, DEL, and C1: what a terminal may follow
COMMANDS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
FOLDER = "odd\x1b]0;owned\x07\x1b[2J\x9b2J\u202e"
ORDERS = (
    "\x1b]0;",
    "\x07",
    "\x1b[2J",
    "\x9b",
    "\u202e",
    "\x1b[31m'",
)  # what the names hold of them


@pytest.fixture
def odd(scened: Scened, tmp_path: Path) -> Path:
    """A library in which the odd files are all there is but for one photo."""
    scened.settings.write_text("[gates.load]\nenabled = false\n")
    root = tmp_path / FOLDER
    root.mkdir()
    for number, name in enumerate(JPEG_NAMES):
        exif = Image.Exif()
        exif[0x0110] = "Model\x1b[31m'; DROP TABLE file; -- <b>"
        path = os.path.join(os.fsencode(root), name)  # noqa: PTH118 - not text
        with open(path, "wb") as file:  # noqa: PTH123
            photo(size=(200 + number, 150)).save(file, "JPEG", exif=exif)
        age(Path(os.fsdecode(path)))
    return root


@pytest.mark.promise(
    "text: SQL, HTML, line feeds, control characters, no UTF-8 and 255 bytes in names",
    "kept exactly, never run",
)
def test_photos_with_odd_names_are_photos(scened: Scened, odd: Path) -> None:
    scened("run", "--once", odd)
    found = {os.path.basename(path) for (path,) in scened.rows("SELECT path_bytes FROM photos")}  # noqa: PTH119
    assert found == set(JPEG_NAMES)
    assert scened.rows("SELECT DISTINCT status FROM photos") == [("analysed",)]


@pytest.mark.promise(
    "text: escape sequences in names and EXIF",
    "no command prints one",
)
def test_no_command_reaches_the_terminal(scened: Scened, odd: Path) -> None:
    said = scened("run", "--once", odd)
    said += scened("status") + scened("failures") + scened("failures", "--json")
    said += scened("status", "--json")
    for (tag,) in scened.rows("SELECT name FROM tags WHERE photos > 0 LIMIT 3"):
        said += scened("search", tag) + scened("search", tag, "--json")
    for name in JPEG_NAMES:
        path = os.fsdecode(os.path.join(os.fsencode(odd), name))  # noqa: PTH118
        said += scened("show", path) + scened("show", path, "--json")
        said += scened("add", path, expect=66)
    assert COMMANDS.search(said) is None
    assert said.count("Model") >= 2 * len(NAMES)


@pytest.mark.promise(
    "text: escape sequences in names and EXIF",
    "no command prints one, on a terminal neither",
)
def test_no_command_of_ours_gives_orders_to_a_terminal(scened: Scened, odd: Path) -> None:
    photo_path, other = (
        os.fsdecode(os.path.join(os.fsencode(odd), name))  # noqa: PTH118
        for name in JPEG_NAMES[:2]
    )
    (odd / "broken\x1b[2J.jpg").write_bytes(b"no picture")
    shutil.copy(photo_path, odd / "copy\x1b[2J.jpg")
    (odd / "copy\x1b[2J.jpg.xmp").write_text("no XMP")
    said = said_on_terminal(scened, "run", "--once", odd)
    elsewhere = odd.with_name("other\x1b[2J")
    for words in (
        ["status"],
        ["status", "--json"],
        ["failures"],
        ["failures", "--retry"],
        ["doctor"],
        ["stats"],
        ["show", photo_path],
        ["similar", photo_path],
        ["similar", photo_path, "--json"],
        ["duplicates"],
        ["search", "."],
        ["tag", photo_path, "+beach"],
        ["tag", photo_path, "+\x1b[2J"],
        ["export", "--format", "csv"],
        ["export", "--format", "jsonl"],
        ["export", "--format", "xmp", "--dry-run"],
        ["add", photo_path],
        ["forget", other],
        ["db", "check"],
        ["db", "backup"],
        ["relocate", odd, elsewhere],
        ["remove", elsewhere],
        ["remove", odd],
    ):
        said += said_on_terminal(scened, *words)
    assert [order for order in ORDERS if order in said] == []
    assert said.count("odd\\x1b]0;owned") > len(JPEG_NAMES)


@pytest.mark.promise(
    "text: escape sequences in names and EXIF",
    "no command prints one, on a terminal neither",
)
def test_the_live_status_gives_no_orders_to_a_terminal(scened: Scened, odd: Path) -> None:
    scened("add", odd)
    with watching(scened) as said:
        words = until(lambda: said() if "owned" in said() else None)
    assert [order for order in ORDERS if order in words] == []


def test_what_is_no_regular_file_is_no_photo(scened: Scened, odd: Path) -> None:
    os.mkfifo(odd / "pipe.jpg")
    (odd / "null.jpg").symlink_to("/dev/null")
    (odd / "loop.jpg").symlink_to("loop.jpg")
    (odd / "folder.jpg").mkdir()
    short = odd.with_name("s.jpg")  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(short))
        short.rename(odd / "socket.jpg")
        scened("run", "--once", odd)
    assert scened.rows("SELECT count(*) FROM photos") == [(len(NAMES),)]


@pytest.mark.promise(
    "file: 10 GB, sparse",
    "refused unread",
)
def test_a_file_that_is_too_large_is_refused_unread(scened: Scened, odd: Path) -> None:
    with (odd / "huge.jpg").open("wb") as file:
        file.truncate(TOO_LARGE_BYTES)
    age(odd / "huge.jpg")
    scened("run", "--once", odd, expect=1)
    ((error,),) = scened.rows("SELECT error FROM photos WHERE status = 'failed'")
    assert error == "is 10.0 GB long, more than the 4.0 GB allowed"


@pytest.mark.promise(
    "file: it takes too long",
    "set aside after its limit of processor time, not tried again",
)
def test_a_photo_that_takes_too_long_is_quarantined_at_once(scened: Scened, odd: Path) -> None:
    scened.settings.write_text(
        "[gates.load]\nenabled = false\n"
        "[limits]\nfile_bytes = 1_000_000_000_000_000\ncpu_seconds = 1\n"
    )
    with (odd / "endless.jpg").open("wb") as file:
        file.truncate(2**40)
    age(odd / "endless.jpg")
    scened("run", "--once", odd, expect=1)
    ((error,),) = scened.rows("SELECT error FROM photos WHERE status = 'failed'")
    assert error == "takes more than 1 seconds of processor time"
    assert scened.rows("SELECT attempts FROM file WHERE status = 'failed'") == [(1,)]


def test_failures_are_listed_and_tried_again(scened: Scened, odd: Path) -> None:
    (odd / "broken.jpg").write_bytes(b"no picture")
    age(odd / "broken.jpg")
    scened("run", "--once", odd, expect=1)
    (failure,) = scened.json("failures")
    assert (failure["path"], failure["transient"]) == (str(odd / "broken.jpg"), False)
    scened("run", "--once", expect=1)
    assert "1 photos will be looked at again" in scened("failures", "--retry")
    assert scened.json("status")["pending"] == 1


@pytest.mark.promise(
    "file: a limit in the settings has changed",
    "what failed is tried again",
)
def test_other_limits_try_again(scened: Scened, odd: Path) -> None:
    scened.settings.write_text("[gates.load]\nenabled = false\n[limits]\npixels = 100\n")
    scened("run", "--once", odd, expect=1)
    scened.settings.write_text("[gates.load]\nenabled = false\n")
    scened("run", "--once")
    assert scened.rows("SELECT DISTINCT status FROM photos") == [("analysed",)]
