"""RAW and JPEG XL: what their extras decode, and what is said where they are missing."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scened.analysis import raw
from scened.analysis.decode import decode, read_picture
from scened.analysis.jxl import jxl_size
from scened.config import Limits
from scened.errors import UnreadablePhoto
from scened.formats import JPEG_XL, RAW, Format, Support, format_of
from tests.photos import SHARED, exif, needs_shared, photo, write_photo

DNG = SHARED / "photos" / "2023-formats" / "canon_eos_6d.dng"
SMALL = Limits(memory_bytes=1_000_000)


@pytest.mark.parametrize("found", [RAW, JPEG_XL])
def test_a_missing_codec_is_named_with_its_extra(without_extras: None, found: Format) -> None:
    assert found.support is Support.NEEDS_CODEC
    assert f"the extra [{found.extra}]" in found.reason


@pytest.mark.parametrize("name", ["a.dng", "a.jxl", "a.jpg"])
def test_with_the_extras_everything_is_readable(name: str) -> None:
    found = format_of(name)
    assert found is not None
    assert found.support is Support.READABLE


@needs_shared
def test_a_raw_photo_is_read_from_its_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "_developed", lambda _: pytest.fail("it was developed"))
    seen = decode(DNG)
    assert (seen.metadata.width, seen.metadata.height) == (1224, 816)
    assert (seen.metadata.format, seen.metadata.camera) == ("RAW", "Canon EOS 6D")
    assert seen.metadata.taken_at == "2019-06-06T07:29:51.000"


@needs_shared
def test_a_raw_photo_is_developed_where_the_preview_is_too_small() -> None:
    preview, _ = read_picture(DNG, 1000)
    developed, _ = read_picture(DNG, 1200)
    assert max(developed.size) == 1200
    small = developed.resize(preview.size)
    difference = np.abs(np.asarray(small, np.int16) - np.asarray(preview, np.int16))
    assert difference.mean() < 40  # the same scene, if not the same development


@needs_shared
def test_where_developing_takes_too_much_memory_the_preview_serves() -> None:
    picture, _ = read_picture(DNG, 1200, Limits(memory_bytes=8_000_000))
    assert max(picture.size) == 1024


def test_what_is_no_raw_photo_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photo.dng"
    path.write_bytes(b"II*\0" + bytes(5000))
    with pytest.raises(UnreadablePhoto, match="LibRaw"):
        decode(path)


def test_a_jpeg_is_one_whatever_its_name_says(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "photo.jpg").rename(tmp_path / "photo.dng")
    assert decode(path).metadata.format == "JPEG"


def test_jpeg_xl_is_read(tmp_path: Path) -> None:
    seen = decode(write_photo(tmp_path / "photo.jxl"))
    assert (seen.metadata.format, seen.metadata.width) == ("JPEG XL", 600)


def test_exif_orientation_counts_only_for_a_packed_jpeg(tmp_path: Path) -> None:
    turned = exif({0x0112: 6})
    write_photo(tmp_path / "own.jxl", exif=turned)
    with Image.open(write_photo(tmp_path / "photo.jpg", exif=turned)) as jpeg:
        jpeg.save(tmp_path / "packed.jxl", lossless_jpeg=True)
    widths = [decode(tmp_path / name).metadata.width for name in ("own.jxl", "packed.jxl")]
    assert widths == [600, 400]


def test_a_huge_jpeg_xl_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_photo(tmp_path / "photo.jxl")
    monkeypatch.setattr("PIL.Image.open", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(UnreadablePhoto, match="MB of memory"):
        decode(path, SMALL)


@given(
    width=st.integers(min_value=1, max_value=700),
    height=st.integers(min_value=1, max_value=700),
    container=st.booleans(),
)
def test_the_size_is_read_from_the_header(width: int, height: int, container: bool) -> None:
    buffer = io.BytesIO()
    picture = photo().crop((0, 0, width, height))
    picture.save(buffer, "JXL", effort=1, use_container=container)
    buffer.seek(0)
    assert jxl_size(buffer) == (width, height)
    assert buffer.tell() == 0


@given(st.binary(max_size=200))
def test_any_bytes_give_a_size_or_none(data: bytes) -> None:
    found = jxl_size(io.BytesIO(data))
    assert found is None or min(found) > 0
