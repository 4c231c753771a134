"""More of a photo than the first look needs: from what was decoded, or by decoding again."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scened.analysis.decode import decode
from scened.config import Limits
from scened.errors import UnreadablePhoto
from tests.photos import photo, write_photo, write_turned

LOSSY = 6.0  # mean difference of two encodings of one photo, of 255
SIZE = (1200, 800)


def difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one, dtype=float) - np.asarray(other, dtype=float)).mean())


def write_heic_with_thumbnail(path: Path, size: tuple[int, int] = (2400, 1600)) -> Path:
    picture = photo(size=size)
    picture.info["thumbnails"] = [320]
    picture.save(path)
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif", "heic", "gif", "jp2"])
def test_every_format_shows_more_of_the_picture(tmp_path: Path, suffix: str) -> None:
    path = write_photo(tmp_path / f"photo.{suffix}", photo(size=SIZE))
    larger = decode(path).larger(640)
    assert larger.size == ((600, 400) if suffix == "jpg" else (640, 427))  # a half will do
    assert difference(larger, photo(size=larger.size)) < LOSSY


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_larger_picture_is_upright(tmp_path: Path, orientation: int) -> None:
    path = write_turned(tmp_path / "photo.png", orientation, photo(size=SIZE))
    larger = decode(path).larger(640)
    assert larger.size == (640, 427)
    assert difference(larger, photo(size=larger.size)) < LOSSY


def test_what_was_decoded_serves_again_where_it_is_large_enough(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "photo.jpg", photo(size=(4800, 3200)))  # reduced to 600 x 400
    decoded = decode(path)
    path.unlink()
    assert decoded.larger(640).size == (600, 400)


@pytest.mark.parametrize("width", [2600, 4000])  # reduced to 325, and to 500: too far for a JPEG
def test_a_jpeg_that_was_reduced_too_far_is_decoded_again(tmp_path: Path, width: int) -> None:
    path = write_photo(tmp_path / "photo.jpg", photo(size=(width, width * 3 // 5)))
    assert decode(path).larger(640).size == (640, 384)


def test_a_heic_is_decoded_whole_only_for_the_larger_picture(tmp_path: Path) -> None:
    path = write_heic_with_thumbnail(tmp_path / "photo.heic")
    assert decode(path, Limits(memory_bytes=2_000_000)).pixels.shape == (224, 320, 3)
    assert decode(path).larger(640).size == (640, 427)


def test_a_small_preview_does_not_pass_for_the_larger_picture(tmp_path: Path) -> None:
    path = write_heic_with_thumbnail(tmp_path / "photo.heic")
    with pytest.raises(UnreadablePhoto, match="only a small preview"):
        decode(path, Limits(memory_bytes=2_000_000)).larger(640)


def test_a_photo_that_is_small_itself_is_all_there_is(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "photo.png", photo(size=(330, 220)))
    assert decode(path).larger(640).size == (330, 220)


def test_a_damaged_whole_is_told_when_it_is_wanted(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "photo.jpg", photo(size=(2600, 1560)))
    decoded = decode(path)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(UnreadablePhoto, match="truncated"):
        decoded.larger(640)
