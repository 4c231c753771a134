"""From a file to all its faces: closer looks and tiles, with the network that ships."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from PIL import Image

from scened.analysis.decode import Decoded, decode
from scened.analysis.network import Network
from scened.errors import UnreadablePhoto
from scened.findings import Face, Findings
from scened.models.pack import Pack, default_pack_folder, open_pack
from tests.photos import photo, write_photo

MEGABYTE = 1_000_000
PANORAMA = (16_000, 4_000)  # 64 megapixels
MOST_BYTES = 180 * MEGABYTE  # resident at the peak, as for any baseline JPEG

PEAK = """
import sys
from pathlib import Path
from scened.analysis.decode import decode
from scened.analysis.network import Network
from scened.models.pack import default_pack_folder, open_pack
Network(open_pack(default_pack_folder())).findings(decode(sys.argv[1]))
lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(int(lines["VmHWM"].split()[0]) * 1024)
"""


@pytest.fixture(scope="module")
def pack() -> Pack:
    return open_pack(default_pack_folder())


@pytest.fixture(scope="module")
def network(pack: Pack) -> Network:
    return Network(pack)


def crowd(size: tuple[int, int] = (1920, 1440), side: int = 112) -> Image.Image:
    """A wall of the astronaut's face, small: 19 px wide in the first look."""
    face = photo("astronaut.png").crop((160, 30, 290, 190))
    picture = Image.new("RGB", size, (120, 130, 120))
    for x in range(side, size[0] - 2 * side, 4 * side):
        for y in range(side, size[1] - 2 * side, 4 * side):
            picture.paste(face.resize((side, side * 160 // 130)), (x, y))
    return picture


def panorama(size: tuple[int, int] = (3200, 800)) -> Image.Image:
    """Bundled photos side by side: a cat, a cup, an astronaut, a rocket."""
    names = ("chelsea.png", "coffee.png", "astronaut.png", "rocket.jpg")
    picture = Image.new("RGB", size)
    width = size[0] // len(names)
    for place, name in enumerate(names):
        picture.paste(photo(name, (width, size[1])), (place * width, 0))
    return picture


def first_look_alone(network: Network, decoded: Decoded) -> Findings:
    def refuse(long_side: int) -> NoReturn:
        raise UnreadablePhoto("only its first look counts here")

    return network.findings(
        Decoded(decoded.pixels, decoded.metadata, decoded.sharpness, larger=refuse)
    )


def middles(faces: tuple[Face, ...]) -> set[tuple[int, int]]:
    return {
        (round(10 * (face.x + face.width / 2)), round(10 * (face.y + face.height / 2)))
        for face in faces
    }


def test_small_faces_are_found_that_the_first_look_misses(network: Network, tmp_path: Path) -> None:
    decoded = decode(write_photo(tmp_path / "crowd.jpg", crowd(), quality=92))
    before = first_look_alone(network, decoded).faces
    assert len(network.findings(decoded).faces) > len(before)


def test_a_photo_without_faces_is_decoded_and_looked_at_once(
    network: Network, tmp_path: Path
) -> None:
    decoded = decode(write_photo(tmp_path / "cup.jpg", photo("coffee.png", (1200, 800))))

    def refuse(long_side: int) -> NoReturn:
        raise AssertionError("a larger picture was asked for")

    alone = Decoded(decoded.pixels, decoded.metadata, decoded.sharpness, larger=refuse)
    assert network.findings(alone) == network.findings(decoded)


def test_the_embedding_is_that_of_the_whole(network: Network, tmp_path: Path) -> None:
    decoded = decode(write_photo(tmp_path / "wide.jpg", panorama()))
    assert network.findings(decoded).embedding == first_look_alone(network, decoded).embedding


def test_a_panorama_shows_what_its_parts_show(network: Network, tmp_path: Path) -> None:
    found = network.findings(decode(write_photo(tmp_path / "wide.jpg", panorama())))
    assert {"cat", "face"} <= {tag.name for tag in found.tags}


def test_no_tag_of_a_panorama_is_less_sure_for_the_tiles(network: Network, tmp_path: Path) -> None:
    decoded = decode(write_photo(tmp_path / "wide.jpg", panorama()))
    after = {tag.name: tag.score for tag in network.findings(decoded).tags}
    before = {tag.name: tag.score for tag in first_look_alone(network, decoded).tags}
    assert all(after[name] >= score for name, score in before.items())


@pytest.mark.parametrize("upright", [False, True], ids=["wide", "tall"])
def test_the_face_in_a_panorama_is_found_where_it_is(
    network: Network, tmp_path: Path, upright: bool
) -> None:
    picture = Image.new("RGB", (3200, 800), (90, 110, 90))
    picture.paste(photo("astronaut.png", (800, 800)), (1600, 0))
    where = np.array([0.5 + 0.44 / 4, 0.23])
    if upright:
        picture = Image.new("RGB", (800, 3200), (90, 110, 90))
        picture.paste(photo("astronaut.png", (800, 800)), (0, 1600))
        where = np.array([0.44, 0.5 + 0.23 / 4])
    (face, *_) = network.findings(decode(write_photo(tmp_path / "one.jpg", picture))).faces
    assert (face.x, face.y) < tuple(where)
    assert face.x < where[0] < face.x + face.width
    assert face.y < where[1] < face.y + face.height


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_a_panorama_of_64_megapixels_takes_no_more_memory(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "huge.jpg", panorama(PANORAMA), quality=85)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, path], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) <= MOST_BYTES
