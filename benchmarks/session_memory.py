"""Whether the analyzer's memory stays flat over many photos of mixed shapes and formats.

    python benchmarks/session_memory.py [--photos 2000]

Decodes and looks at small real photos in every shape, a panorama and a crowd, as the analyzer
does, and prints the resident memory along the way. The reference is the same
process after its first hundred photos. `--looks` leaves decoding out: the network's session alone.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import skimage.data
from PIL import Image

from scened.analysis.decode import decode
from scened.analysis.network import Network
from scened.models.pack import SHAPES, default_pack_folder, open_pack

WARM_UP = 100  # photos; each shape and each codec has been met by then
SAMPLES = 20
NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
SCALE = 4  # photos are so much larger than the network's shape
PANORAMA = (3_200, 640)
MEGABYTE = 1_000_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=2_000)
    parser.add_argument("--looks", action="store_true", help="the network alone, without decoding")
    arguments = parser.parse_args()
    network = Network(open_pack(default_pack_folder()))
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        work = _looks(network) if arguments.looks else _photos(network, Path(folder))
        for _ in itertools.islice(work, WARM_UP):
            pass
        before = process.memory_info().rss
        print("| photos | resident, MB |\n|---|---|")
        print(f"| {WARM_UP} | {before / MEGABYTE:.1f} |")
        resident = []
        every = max(1, arguments.photos // SAMPLES)
        for number in range(1, arguments.photos + 1):
            next(work)
            if number % every == 0:
                resident.append(process.memory_info().rss)
                print(f"| {WARM_UP + number} | {resident[-1] / MEGABYTE:.1f} |")
    slope = np.polyfit(np.arange(1, len(resident) + 1) * every / 1000, resident, 1)[0]
    print(f"growth after the first {WARM_UP}: {(resident[-1] - before) / MEGABYTE:.1f} MB")
    print(f"slope: {slope / MEGABYTE:.2f} MB for each thousand photos")
    print(f"median: {statistics.median(resident) / MEGABYTE:.1f} MB")


def _photos(network: Network, folder: Path) -> Iterator[None]:
    """Decode and look at files in every shape, for ever."""
    files = []
    for number, ((height, width), name) in enumerate(itertools.product(SHAPES, NAMES)):
        suffix = ("jpg", "png", "webp", "heic")[number % 4]
        picture = _picture(name, (width * SCALE, height * SCALE))
        files.append(_saved(picture, folder / f"{number}.{suffix}"))
    files.append(_saved(_picture("rocket.jpg", PANORAMA), folder / "panorama.jpg"))
    files.append(_saved(_crowd(), folder / "crowd.jpg"))
    for file in itertools.cycle(files):
        network.findings(decode(file))
        yield


def _looks(network: Network) -> Iterator[None]:
    """Look at decoded pictures of every shape, for ever."""
    pictures = [
        np.asarray(_picture(name, shape[::-1])) for shape, name in itertools.product(SHAPES, NAMES)
    ]
    for pixels in itertools.cycle(pictures):
        network.look(pixels)
        yield


def _picture(name: str, size: tuple[int, int]) -> Image.Image:
    with Image.open(Path(skimage.data.__file__).parent / name) as source:
        return source.convert("RGB").resize(size)


def _crowd() -> Image.Image:
    face = _picture("astronaut.png", (512, 512)).crop((160, 30, 290, 190)).resize((64, 79))
    crowd = Image.new("RGB", (1_920, 1_440), (120, 130, 120))
    for x, y in itertools.product(range(64, 1_800, 256), range(64, 1_300, 256)):
        crowd.paste(face, (x, y))
    return crowd


def _saved(picture: Image.Image, path: Path) -> Path:
    picture.save(path)
    return path


if __name__ == "__main__":
    main()
