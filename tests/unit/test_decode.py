"""Any photo becomes a small, upright picture in sRGB, or a reason why not."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import tracemalloc
import zlib
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
    MissingPath,
    ReadFailed,
    ScenedError,
    UnreadablePhoto,
    UnsupportedFormat,
)
from scened.models.pack import SHAPES, nearest_shape
from tests.photos import SHARED, exif, needs_shared, photo, write_photo, write_turned

LOSSY = 6.0  # mean difference of two encodings of one photo, of 255
TIMED = exif({0x010F: "Canon"}, {0x9003: "2021:05:06 07:08:09"})
FORMATS = ["jpg", "png", "webp", "tif", "avif", "heic", "gif", "bmp", "jp2"]


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


def test_a_name_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    try:
        os.rename(write_photo(tmp_path / "photo.jpg"), path)  # noqa: PTH104 - takes bytes
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    assert decode(path).metadata.width == 600


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
