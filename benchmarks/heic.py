"""HEIC from the embedded thumbnail, against decoding the whole: time, tags and embedding.

    python benchmarks/heic.py [--photos FOLDER]

Tags are those that `show` would show. As what a picture looks like at 320 pixels depends on how it
is made small, the whole is also compared with itself, made small by another filter: what differs
there cannot be the thumbnail's fault. Tags that differ are listed with their scores and thresholds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pillow_heif
from PIL import Image

from scened.analysis.decode import decode
from scened.analysis.interpret import find_tags
from scened.analysis.network import Network
from scened.analysis.pixels import Pixels, small_srgb
from scened.models.pack import default_pack_folder, nearest_shape, open_pack

REPEATS = 5
PHOTOS = Path("../shared/photos/2023-formats")


class View(NamedTuple):
    """What the network says of a picture: tags with scores, best first, and the embedding."""

    shown: dict[str, float]
    scores: dict[str, float]
    embedding: np.ndarray

    @property
    def best(self) -> str:
        """Return the tag of the highest score."""
        return next(iter(self.shown))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photos", type=Path, default=PHOTOS)
    folder = parser.parse_args().photos
    pillow_heif.register_heif_opener(decode_threads=1)
    pack = open_pack(default_pack_folder())
    network, labels = Network(pack), pack.manifest.labels
    thresholds = {label.name: label.threshold for label in labels}

    def view(pixels: Pixels) -> View:
        answer = network.look(pixels)
        return View(
            {tag.name: tag.score for tag in find_tags(answer.tags, labels)},
            {label.name: float(score) for label, score in zip(labels, answer.tags, strict=True)},
            answer.embedding,
        )

    print(
        "| HEIC photo | thumbnail ms | whole ms | faster | best tag | tags alike | cosine", end=" "
    )
    print("| whole, another filter: tags alike | cosine |\n|---|---|---|---|---|---|---|---|---|")
    notes = []
    for path in sorted(folder.glob("*.[hH][eE][iI][cC]")):
        with Image.open(path) as image:
            if not image.info["thumbnails"]:
                continue
        quick, small = _timed(_reduced, path)
        slow, large = _timed(_whole, path)
        ours, whole, other = (view(pixels) for pixels in (small, large, _otherwise(path)))
        best = whole.best if ours.best == whole.best else f"{ours.best}, not {whole.best}"
        print(
            f"| {path.name} | {quick * 1000:.1f} | {slow * 1000:.0f} | {slow / quick:.0f}x"
            f" | {best} | {_alike(ours, whole)} | {_alike(other, whole)} |"
        )
        notes += [
            f"- {path.name}: {name} {whole.scores[name]:.2f} in the whole,"
            f" {ours.scores[name]:.2f} in the thumbnail, {other.scores[name]:.2f} by the other"
            f" filter, shown from {thresholds[name]:.2f}"
            for name in sorted(ours.shown.keys() ^ whole.shown.keys())
        ]
    print("\n" + "\n".join(notes))


def _alike(one: View, whole: View) -> str:
    shared = len(one.shown.keys() & whole.shown.keys())
    every = len(one.shown.keys() | whole.shown.keys())
    return f"{shared} of {every} | {float(one.embedding @ whole.embedding):.3f}"


def _timed(read: Callable[[Path], Pixels], path: Path) -> tuple[float, Pixels]:
    seconds = []
    for _ in range(REPEATS):
        began = time.thread_time()
        pixels = read(path)
        seconds.append(time.thread_time() - began)
    return statistics.median(seconds), pixels


def _reduced(path: Path) -> Pixels:
    return decode(path).pixels


def _whole(path: Path) -> Pixels:
    with Image.open(path) as image:
        height, width = nearest_shape(*image.size)
        return np.asarray(small_srgb(image, (width, height)))


def _otherwise(path: Path) -> Pixels:
    with Image.open(path) as image:
        height, width = nearest_shape(*image.size)
        small = image.resize((width, height), Image.Resampling.LANCZOS)
        return np.asarray(small_srgb(small, (width, height)))


if __name__ == "__main__":
    main()
