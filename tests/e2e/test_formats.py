"""Every format and every orientation, through the whole house."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Scened, age, hide_extras
from tests.photos import SHARED, needs_shared, photo, write_photo, write_turned

SPREAD = 0.05  # of the best tag's score
SUFFIXES = (".jpg", ".png", ".webp", ".avif", ".tif", ".gif", ".bmp", ".mpo", ".heic", ".heif")


def test_every_format_is_analysed(scened: Scened, tmp_path: Path) -> None:
    root = tmp_path / "formats"
    root.mkdir()
    for suffix in SUFFIXES:
        age(write_photo(root / f"photo{suffix}", photo()))
    scened("run", "--once", root)
    rows = scened.rows("SELECT path FROM photos WHERE status = 'analysed'")
    assert {Path(path).suffix for (path,) in rows} == set(SUFFIXES)


def test_every_orientation_gives_the_same_size_and_top_tag(scened: Scened, tmp_path: Path) -> None:
    root = tmp_path / "turned"
    root.mkdir()
    for orientation in range(1, 9):
        age(write_turned(root / f"{orientation}.jpg", orientation, photo("chelsea.png")))
    scened("run", "--once", root)
    check_alike(scened, 8)


def test_the_video_of_a_live_photo_is_told_of_with_its_still(
    scened: Scened, tmp_path: Path
) -> None:
    root = tmp_path / "live"
    root.mkdir()
    stills = [age(write_photo(root / name, photo())) for name in ("IMG_1.HEIC", "IMG_2.JPG")]
    for name in ("IMG_1.MOV", "IMG_2.mp4", "IMG_3.MOV"):
        (root / name).write_bytes(b"\0\0\0\x14ftypqt  ")
    scened("run", "--once", root)
    assert scened.rows("SELECT path, status FROM photos ORDER BY path") == [
        (str(still), "analysed") for still in stills
    ]
    assert "with its video: IMG_1.MOV" in scened("show", stills[0])
    assert scened.json("show", stills[1])["companions"] == [str(root / "IMG_2.mp4")]
    exported = [json.loads(line) for line in scened("export").splitlines()]
    assert [len(each["companions"]) for each in exported] == [1, 1]
    (root / "IMG_1.MOV").unlink()
    scened("run", "--once", root)
    assert scened.rows("SELECT path FROM companions") == [(str(root / "IMG_2.mp4"),)]


@needs_shared
def test_the_eight_landscapes_are_one_to_us(scened: Scened) -> None:
    scened("run", "--once", SHARED / "photos" / "2016-trip" / "rotated")
    check_alike(scened, 8, name="Landscape")


def check_alike(scened: Scened, photos: int, name: str = "") -> None:
    sizes = scened.rows(
        "SELECT width, height, count(*) FROM photos WHERE instr(path, ?) GROUP BY 1, 2", name
    )
    assert [count for _, _, count in sizes] == [photos]
    best = scened.rows(
        "SELECT tag, max(score) FROM photo_tags JOIN photos ON photos.id = photo_id"
        " WHERE instr(path, ?) GROUP BY photo_id",
        name,
    )
    scores = [score for _, score in best]
    assert (len(best), len({tag for tag, _ in best})) == (photos, 1)
    assert max(scores) - min(scores) <= SPREAD


@needs_shared
@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("8bit-sRGB.jxl", "analysed"),
        ("canon_eos_6d.dng", "analysed"),
        ("200MP.heic", "analysed"),
        ("8bit-sRGB.avif", "analysed"),
        ("iphone_7.heic", "analysed"),
    ],
)
def test_what_becomes_of_real_files(scened: Scened, tmp_path: Path, name: str, status: str) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / name).hardlink_to(SHARED / "photos" / "2023-formats" / name)
    scened("run", "--once", tmp_path / "one")
    assert scened.rows("SELECT status FROM photos") == [(status,)]


@needs_shared
@pytest.mark.promise(
    "file: those of Pillow, libheif, libavif, exiv2, exiftool and others' test suites",
    "all are answered, failures have a reason",
)
def test_no_hostile_file_stops_the_rest(scened: Scened) -> None:
    scened("run", "--once", SHARED / "hostile", expect=1)
    assert scened.rows("SELECT count(*) FROM photos WHERE status = 'pending'") == [(0,)]
    assert scened.rows(
        "SELECT count(*) FROM photos WHERE status <> 'analysed' AND error IS NULL"
    ) == [(0,)]


@needs_shared
def test_an_extra_that_is_installed_later_makes_photos_pending_again(
    scened: Scened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    for name, as_name in (("canon_eos_6d.dng", "a.dng"), ("8bit-sRGB.jxl", "b.jpg")):
        (root / as_name).hardlink_to(SHARED / "photos" / "2023-formats" / name)
    with monkeypatch.context() as context:
        hide_extras(tmp_path, context)
        assert "2 not supported" in scened("run", "--once", root)
    scened("run", "--once", root)
    assert scened.rows("SELECT format FROM photos ORDER BY path") == [("RAW",), ("JPEG XL",)]
