"""Any photo becomes a small, upright picture in sRGB."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from scened.analysis.decode import decode, read_picture
from scened.analysis.pixels import sharpness, small_srgb
from scened.config import Limits
from scened.errors import (
    UnreadablePhoto,
)
from scened.models.pack import SHAPES, nearest_shape
from tests.photos import FORMATS, SHARED, needs_shared, photo, write_photo, write_turned

LOSSY = 6.0  # mean difference of two encodings of one photo, of 255


def difference(one: object, other: object) -> float:
    return float(np.abs(np.asarray(one, dtype=float) - np.asarray(other, dtype=float)).mean())


def plain(picture: Image.Image) -> Image.Image:
    """Return what the decoder should make of a picture, by the shortest way there is."""
    height, width = nearest_shape(*picture.size)
    return picture.resize((width, height), Image.Resampling.BILINEAR)


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_shows_the_same_picture(tmp_path: Path, suffix: str) -> None:
    pixels = decode(write_photo(tmp_path / f"photo.{suffix}")).pixels
    assert pixels.dtype == np.uint8
    assert difference(pixels, plain(photo())) < LOSSY


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif", "heic"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_upright_once(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    decoded = decode(write_turned(tmp_path / f"photo.{suffix}", orientation, photo()))
    assert (decoded.metadata.width, decoded.metadata.height) == (600, 400)
    assert difference(decoded.pixels, plain(photo())) < LOSSY


@needs_shared
@pytest.mark.parametrize("orientation", range(2, 9))
def test_one_landscape_held_in_eight_ways(orientation: int) -> None:
    folder = SHARED / "photos/2016-trip/rotated"
    straight = decode(folder / "Landscape_1.jpg")
    turned = decode(folder / f"Landscape_{orientation}.jpg")
    assert (turned.metadata.width, turned.metadata.height) == (1800, 1200)
    assert difference(turned.pixels, straight.pixels) < LOSSY


@given(st.integers(64, 40_000), st.integers(64, 40_000))
def test_the_shape_turns_with_the_picture(width: int, height: int) -> None:
    # the picture is squeezed before it is turned, so both must come to the same
    assert nearest_shape(height, width) == nearest_shape(width, height)[::-1]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_picture_of_a_shape_of_the_network_keeps_it(shape: tuple[int, int]) -> None:
    assert nearest_shape(shape[1] * 10, shape[0] * 10) == shape


def test_a_panorama_is_squeezed(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "wide.jpg", photo(size=(3000, 200)))
    assert decode(path).pixels.shape == (192, 320, 3)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("1", "png"),
        ("L", "jpg"),
        ("LA", "png"),
        ("P", "png"),
        ("RGBA", "png"),
        ("CMYK", "jpg"),
        ("CMYK", "tif"),
        ("YCbCr", "tif"),
        ("LAB", "tif"),
        ("I;16", "png"),
        ("I", "tif"),
        ("F", "tif"),
    ],
)
def test_every_mode_shows_the_same_brightness(tmp_path: Path, mode: str, suffix: str) -> None:
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        transform = ImageCms.buildTransform(srgb, lab, "RGB", "LAB")
        source = ImageCms.applyTransform(photo(), transform) or photo()
    elif mode == "I;16":
        source = Image.fromarray(np.asarray(photo().convert("L")).astype(np.uint16) * 257)
    else:
        source = photo().convert("L" if mode in ("I", "F") else "RGB").convert(mode)
    path = tmp_path / f"photo.{suffix}"
    source.save(path)
    shown = Image.fromarray(decode(path).pixels).convert("L")
    coarse = (40, 28)  # in which the dots of a 1-bit picture melt together
    assert difference(shown.resize(coarse), photo().convert("L").resize(coarse)) < LOSSY


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0, 4e6])
def test_floats_are_scaled_to_their_range(white: float) -> None:
    ramp = Image.fromarray(np.linspace(0, white, 64 * 64, dtype=np.float32).reshape(64, 64))
    shown = np.asarray(small_srgb(ramp, (64, 64)))
    assert (shown.min(), shown.max()) == (0, 255)


def test_floats_that_are_not_numbers_do_no_harm() -> None:
    odd = Image.fromarray(np.full((64, 64), np.nan, dtype=np.float32))
    assert np.asarray(small_srgb(odd, (32, 32))).max() == 0


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_shows_white(tmp_path: Path, mode: str) -> None:
    clear = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    if mode == "P":
        clear = Image.new("P", (100, 100), 0)
        clear.putpalette([0, 0, 0])
        clear.save(tmp_path / "clear.png", transparency=0)
    else:
        clear.convert(mode).save(tmp_path / "clear.png")
    assert decode(tmp_path / "clear.png").pixels.min() == 255


def wide_gamut_profile() -> bytes:
    """Return a profile that swaps red and green: sRGB's own with the two colorants exchanged."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for place in range(132, 132 + 12 * struct.unpack_from(">I", data, 128)[0], 12):
        swapped = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}.get(bytes(data[place : place + 4]))
        if swapped:
            data[place : place + 4] = swapped
    return bytes(data)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif", "heic"])
def test_colour_profiles_are_honoured(tmp_path: Path, suffix: str) -> None:
    red = Image.new("RGB", (100, 100), (255, 0, 0))
    path = write_photo(tmp_path / f"red.{suffix}", red, icc_profile=wide_gamut_profile())
    assert difference(decode(path).pixels[160, 160], (0, 255, 0)) < LOSSY


@pytest.mark.parametrize("profile", [b"", b"nonsense", b"\0" * 4096])
def test_a_broken_colour_profile_is_ignored(tmp_path: Path, profile: bytes) -> None:
    path = write_photo(tmp_path / "photo.jpg", icc_profile=profile)
    assert difference(decode(path).pixels, plain(photo())) < LOSSY


def test_only_the_first_frame_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "animated.webp"
    photo().save(path, save_all=True, append_images=[Image.new("RGB", (600, 400))])
    assert difference(decode(path).pixels, plain(photo())) < LOSSY


def test_a_jpeg_of_two_pictures_is_a_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "burst.mpo"
    photo().save(path, save_all=True, append_images=[Image.new("RGB", (600, 400))])
    decoded = decode(path)
    assert decoded.metadata.format == "JPEG"
    assert difference(decoded.pixels, plain(photo())) < LOSSY


def test_a_film_behind_a_photo_is_harmless(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "motion.jpg")
    with path.open("ab") as file:
        file.write(b"\0\0\0\x18ftypmp42" + bytes(1000))
    assert difference(decode(path).pixels, plain(photo())) < LOSSY


def test_a_name_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    try:
        os.rename(write_photo(tmp_path / "photo.jpg"), path)  # noqa: PTH104 - takes bytes
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    assert decode(path).metadata.width == 600


def test_the_preview_serves_where_the_whole_does_not_fit(tmp_path: Path) -> None:
    preview = io.BytesIO()
    photo(size=(240, 160)).save(preview, "JPEG")
    path = write_photo(tmp_path / "large.jpg", photo(size=(1500, 1000)))
    path.write_bytes(with_preview(path.read_bytes(), preview.getvalue()))
    decoded = decode(path, Limits(memory_bytes=100_000, pixels=1_000_000))
    assert (decoded.metadata.width, decoded.sharpness) == (1500, None)
    assert difference(decoded.pixels, plain(photo())) < 2 * LOSSY


def with_preview(jpeg: bytes, preview: bytes) -> bytes:
    """Return a JPEG with EXIF data whose second directory holds the preview."""
    second = 8 + 2 + 4
    start = second + 2 + 2 * 12 + 4
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HI", 0, second) + struct.pack(">H", 2)
    tiff += struct.pack(">HHII", 0x0201, 4, 1, start)
    tiff += struct.pack(">HHII", 0x0202, 4, 1, len(preview)) + struct.pack(">I", 0)
    body = b"Exif\0\0" + tiff + preview
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def test_a_heic_is_seen_by_its_thumbnail(tmp_path: Path) -> None:
    picture = photo(size=(2000, 1500))
    picture.info["thumbnails"] = [320]
    picture.save(tmp_path / "photo.heic")
    decoded = decode(tmp_path / "photo.heic", Limits(memory_bytes=2_000_000))
    assert (decoded.metadata.width, decoded.metadata.format) == (2000, "HEIC")
    assert decoded.sharpness is not None


def test_a_heic_without_a_thumbnail_is_decoded_whole(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "photo.heic", photo(size=(2000, 1500)))
    with pytest.raises(UnreadablePhoto, match="memory"):
        decode(path, Limits(memory_bytes=2_000_000))


@needs_shared
def test_two_hundred_megapixels_need_no_memory() -> None:
    path = SHARED / "photos/2023-formats/200MP.heic"
    decoded = decode(path, Limits(memory_bytes=20_000_000))
    assert (decoded.metadata.width, decoded.metadata.height) == (12240, 16320)
    assert decoded.pixels.shape == (320, 256, 3)


def test_a_larger_picture_keeps_its_aspect(tmp_path: Path) -> None:
    picture, metadata = read_picture(write_photo(tmp_path / "photo.jpg"), 300)
    assert (picture.size, metadata.width) == ((300, 200), 600)


def test_a_picture_is_never_enlarged(tmp_path: Path) -> None:
    picture, _ = read_picture(write_photo(tmp_path / "photo.jpg"), 1280)
    assert picture.size == (600, 400)


def test_a_blurred_picture_is_less_sharp() -> None:
    sharp = photo(size=(320, 224))
    blurred = sharp.resize((80, 56)).resize((320, 224))
    assert sharpness(np.asarray(blurred)) < sharpness(np.asarray(sharp)) / 4
