"""Small pictures come from a process of their own, upright and in sRGB."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image, ImageCms

from scened.analysis.thumbnailing import Thumbnailer
from scened.config import Limits
from scened.errors import ScenedError
from tests.photos import exif, photo, write_photo, write_turned


@pytest.fixture(scope="module")
def thumbnailer() -> Iterator[Thumbnailer]:
    thumbnailer = Thumbnailer(Limits())
    yield thumbnailer
    thumbnailer.close()


def opened(jpeg: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(jpeg))
    picture.load()
    return picture


def process_of(thumbnailer: Thumbnailer) -> psutil.Process:
    children = psutil.Process().children()
    (found,) = [each for each in children if "scened.analysis.thumbnailing" in each.cmdline()]
    return found


def brightness(picture: Image.Image, place: tuple[float, float]) -> float:
    x, y = (round(part * side) for part, side in zip(place, picture.size, strict=True))
    patch = picture.convert("L").crop((x - 8, y - 8, x + 8, y + 8))
    value = patch.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(value, int | float)
    return value


def test_a_picture_is_as_small_as_asked_for(thumbnailer: Thumbnailer, tmp_path: Path) -> None:
    source = write_photo(tmp_path / "coffee.jpg", photo("coffee.png"))
    assert opened(thumbnailer.jpeg(bytes(source), 320)).size == (320, 213)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_upright(thumbnailer: Thumbnailer, tmp_path: Path, orientation: int) -> None:
    light = Image.new("RGB", (400, 200), "black")
    light.paste("white", (0, 0, 100, 100))  # the upper left
    source = write_turned(tmp_path / "turned.jpg", orientation, light)
    picture = opened(thumbnailer.jpeg(bytes(source), 320))
    assert picture.size == (320, 160)
    assert brightness(picture, (0.12, 0.25)) > 200
    assert brightness(picture, (0.88, 0.75)) < 50


@pytest.mark.parametrize("suffix", ["heic", "png", "webp", "tiff"])
def test_other_formats_become_jpegs(thumbnailer: Thumbnailer, tmp_path: Path, suffix: str) -> None:
    source = write_photo(tmp_path / f"coffee.{suffix}", photo("coffee.png"))
    picture = opened(thumbnailer.jpeg(bytes(source), 320))
    assert (picture.format, max(picture.size)) == ("JPEG", 320)


def test_a_profile_is_applied_and_left_out(thumbnailer: Thumbnailer, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    lab = ImageCms.profileToProfile(
        Image.new("RGB", (200, 200), (200, 30, 30)),
        ImageCms.createProfile("sRGB"),
        profile,
        outputMode="LAB",
    )
    assert lab is not None
    lab.save(tmp_path / "lab.tif")
    picture = opened(thumbnailer.jpeg(bytes(tmp_path / "lab.tif"), 320))
    assert "icc_profile" not in picture.info
    red, green, blue = picture.resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
    assert (abs(red - 200) < 12, abs(green - 30) < 12, abs(blue - 30) < 12) == (True, True, True)


def test_what_the_camera_noted_stays_out(thumbnailer: Thumbnailer, tmp_path: Path) -> None:
    source = write_photo(
        tmp_path / "noted.jpg", photo(), exif=exif({0x010F: "Acme"}), comment=b"a secret"
    )
    jpeg = thumbnailer.jpeg(bytes(source), 320)
    assert b"Acme" not in jpeg
    assert b"a secret" not in jpeg


def test_the_process_stays(thumbnailer: Thumbnailer, tmp_path: Path) -> None:
    source = bytes(write_photo(tmp_path / "coffee.jpg"))
    thumbnailer.jpeg(source, 320)
    before = process_of(thumbnailer).pid
    thumbnailer.jpeg(source, 160)
    assert process_of(thumbnailer).pid == before


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff" + bytes(100), b"no picture"])
def test_a_picture_that_cannot_be_read_says_why_and_harms_none(
    thumbnailer: Thumbnailer, tmp_path: Path, content: bytes
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(content)
    with pytest.raises(ScenedError) as refusal:
        thumbnailer.jpeg(bytes(broken), 320)
    assert refusal.value.message
    assert thumbnailer.jpeg(bytes(write_photo(tmp_path / "coffee.jpg")), 320)


def test_after_a_process_that_died_there_is_another(
    thumbnailer: Thumbnailer, tmp_path: Path
) -> None:
    source = bytes(write_photo(tmp_path / "coffee.jpg"))
    thumbnailer.jpeg(source, 320)
    died = process_of(thumbnailer)
    os.kill(died.pid, signal.SIGKILL)
    died.wait()
    assert thumbnailer.jpeg(source, 320)


def test_a_decoder_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    thumbnailer = Thumbnailer(Limits())
    source = bytes(write_photo(tmp_path / "coffee.jpg"))
    thumbnailer.jpeg(source, 320)
    children = psutil.Process().children()
    mine = max(children, key=lambda each: each.create_time())
    mine.suspend()
    monkeypatch.setattr("scened.analysis.thumbnailing.LONGEST_SECONDS", 0.1)
    with pytest.raises(ScenedError, match="took too long"):
        thumbnailer.jpeg(source, 320)
    thumbnailer.close()


def test_it_has_given_up_writing_and_the_network(thumbnailer: Thumbnailer, tmp_path: Path) -> None:
    thumbnailer.jpeg(bytes(write_photo(tmp_path / "coffee.jpg")), 320)
    status = Path(f"/proc/{process_of(thumbnailer).pid}/status")
    if not status.exists():
        pytest.skip("only Linux says what a process gave up")
    assert "NoNewPrivs:\t1" in status.read_text()
