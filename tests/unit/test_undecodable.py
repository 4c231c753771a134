"""What is broken, hostile, too large or no photo ends in one line that says why."""

from __future__ import annotations

import contextlib
import os
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scened.analysis.decode import decode
from scened.config import Limits
from scened.errors import (
    MissingPath,
    ReadFailed,
    ScenedError,
    UnreadablePhoto,
    UnsupportedFormat,
)
from tests.photos import FORMATS, SHARED, exif, needs_shared, photo, write_photo

TIMED = exif({0x010F: "Canon"}, {0x9003: "2021:05:06 07:08:09"})


@pytest.mark.parametrize("suffix", FORMATS)
def test_half_a_photo_is_refused(tmp_path: Path, suffix: str) -> None:
    path = write_photo(tmp_path / f"photo.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadablePhoto):
        decode(path)


def test_a_truncated_jpeg_is_called_so(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "photo.jpg")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UnreadablePhoto, match=r"^truncated"):
        decode(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"hello", "not a picture"),
        (b"\xff\xd8\xff\xe0", "not a picture"),
        (b"\0\0\0\x18ftypmp42" + bytes(100), "not a picture"),
    ],
)
def test_what_is_not_a_picture_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(UnreadablePhoto, match=reason):
        decode(path)


@pytest.mark.parametrize("suffix", ["dng", "CR2", "nef", "arw", "raf", "x3f"])
def test_raw_photos_are_known_by_name_and_never_opened(
    tmp_path: Path, suffix: str, without_extras: None
) -> None:
    with pytest.raises(UnsupportedFormat, match="RAW"):
        decode(tmp_path / f"not-even-there.{suffix}")


@pytest.mark.parametrize("head", [b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"])
def test_jpeg_xl_is_known_by_its_content(tmp_path: Path, head: bytes, without_extras: None) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(head + bytes(100))
    with pytest.raises(UnsupportedFormat, match="JPEG XL"):
        decode(path)


@pytest.mark.parametrize("size", [(63, 200), (200, 63)])
def test_icons_are_left_alone(tmp_path: Path, size: tuple[int, int]) -> None:
    path = write_photo(tmp_path / "icon.png", photo(size=size))
    with pytest.raises(UnsupportedFormat, match="smaller than 64 pixels: left alone"):
        decode(path)


@pytest.mark.parametrize("name", ["nothing.jpg", "photo.jpg/inside.jpg", "nul\0.jpg"])
def test_a_path_that_does_not_exist_is_missing(tmp_path: Path, name: str) -> None:
    write_photo(tmp_path / "photo.jpg")
    with pytest.raises(MissingPath):
        decode(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_not_blamed_on_its_content(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "photo.jpg")
    path.chmod(0)
    with pytest.raises(ReadFailed):
        decode(path)


def test_a_loop_of_links_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.symlink_to(path)
    with pytest.raises(ReadFailed):
        decode(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "photo.jpg")
    with pytest.raises(UnreadablePhoto, match="not a regular file"):
        decode(tmp_path / "photo.jpg")


def bomb(path: Path, side: int) -> Path:
    """Write a PNG of a few bytes that claims to be `side` pixels wide and high."""

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b""))
    return path


@pytest.mark.promise(
    "file: a bomb",
    "refused by its header, without being unpacked",
)
def test_a_bomb_is_refused_by_its_number_without_being_unpacked(tmp_path: Path) -> None:
    path = bomb(tmp_path / "bomb.png", 30_000)
    tracemalloc.start()
    try:
        with pytest.raises(UnreadablePhoto, match="needs about 10,800 MB of memory"):
            decode(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_too_many_pixels_are_refused_by_their_number(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "photo.jpg", photo(size=(2000, 1500)))
    with pytest.raises(UnreadablePhoto, match="3 megapixels"):
        decode(path, Limits(pixels=2_000_000))


@needs_shared
@pytest.mark.parametrize("path", sorted((SHARED / "hostile").glob("*/*")), ids=lambda p: p.name)
@pytest.mark.promise(
    "file: those of Pillow, libheif, libavif, exiv2, exiftool and others' test suites",
    "a picture, or one short line of text",
)
def test_hostile_files_end_in_a_picture_or_in_one_short_line(path: Path) -> None:
    try:
        assert decode(path).pixels.shape[2] == 3
    except (UnreadablePhoto, UnsupportedFormat) as error:
        words = str(error)
        assert 8 < len(words) < 150
        assert words.isprintable()
        assert path.name not in words
        assert " at 0x" not in words


@given(st.data())
@pytest.mark.promise(
    "file: flipped bytes in every format",
    "a picture, or an error of ours",
)
def test_flipped_bytes_end_in_a_picture_or_in_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    suffix = data.draw(st.sampled_from(["jpg", "png", "webp", "gif", "tif", "avif", "heic"]))
    path = tmp_path_factory.mktemp("flipped") / f"photo.{suffix}"
    content = bytearray(write_photo(path, photo(size=(96, 64)), exif=TIMED).read_bytes())
    places = st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(ScenedError):
        decode(path)
