"""Measure seconds and peak memory of decoding one photo, format by format, against plain Pillow.

Makes one 12-megapixel photo in every format from a picture that scikit-image carries, and takes
the photos of a folder too, when one is named. The reference decodes the whole picture and resizes
it. Every measurement runs in a process of its own. `bytes a pixel` is what `_PEAK_BYTES` in
`scened.analysis.reduction` must cover.

    python benchmarks/decode.py [--photos FOLDER]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pillow_heif
import skimage.data
from PIL import Image

from scened.analysis.decode import decode
from scened.config import Limits
from scened.errors import ScenedError

__all__ = ["main"]

SIZE = (4000, 3000)
REPEATS = 3
MEGABYTE = 1_000_000
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes that getrusage counts in
UNLIMITED = Limits(memory_bytes=1 << 40)

FORMATS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("baseline.jpg", "RGB", {"quality": 90}),
    ("progressive.jpg", "RGB", {"quality": 90, "progressive": True}),
    ("grey.jpg", "L", {"quality": 90}),
    ("cmyk.jpg", "CMYK", {"quality": 90}),
    ("rgb.png", "RGB", {"compress_level": 1}),
    ("rgba.png", "RGBA", {"compress_level": 1}),
    ("palette.png", "P", {"compress_level": 1}),
    ("lossy.webp", "RGB", {"quality": 80, "method": 0}),
    ("lossless.webp", "RGB", {"lossless": True, "quality": 0, "method": 0}),
    ("picture.gif", "P", {}),
    ("plain.tif", "RGB", {}),
    ("deflate.tif", "RGB", {"compression": "tiff_deflate"}),
    ("float.tif", "F", {}),
    ("picture.bmp", "RGB", {}),
    ("picture.avif", "RGB", {"quality": 60, "speed": 10}),
    ("alpha.avif", "RGBA", {"quality": 60, "speed": 10}),
    ("picture.heic", "RGB", {"quality": 60}),
    ("alpha.heic", "RGBA", {"quality": 60}),
    ("picture.jp2", "RGB", {"irreversible": True, "quality_layers": [20]}),
)


def main() -> None:
    """Print a table of what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, help="also measure the photos in this folder")
    parser.add_argument("--one", nargs=2, metavar=("HOW", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        json.dump(_measure(*arguments.one), sys.stdout)
        return
    with tempfile.TemporaryDirectory() as folder:
        print("| photo | scened ms | Pillow ms | peak MB | bytes a pixel |\n|---|---|---|---|---|")
        for path in _photos(Path(folder), arguments.photos):
            ours, reference = (_in_own_process(how, path) for how in ("scened", "pillow"))
            if ours is None or reference is None:
                print(f"| {path.name} | cannot be decoded |")
                continue
            print(
                f"| {path.name} | {ours['seconds'] * 1000:.0f} | {reference['seconds'] * 1000:.0f}"
                f" | {ours['peak'] / MEGABYTE:.0f} | {ours['peak'] / ours['pixels']:.1f} |"
            )


def _photos(folder: Path, library: Path | None) -> Iterator[Path]:
    with Image.open(Path(skimage.data.__file__).parent / "coffee.png") as source:
        picture = source.convert("RGB").resize(SIZE)
    pillow_heif.register_heif_opener()
    for name, mode, options in FORMATS:
        picture.convert(mode).save(folder / name, **options)
        yield folder / name
    if library is not None:
        yield from sorted(path for path in library.rglob("*") if path.is_file())


def _in_own_process(how: str, path: Path) -> dict[str, float] | None:
    done = subprocess.run(
        [sys.executable, __file__, "--one", how, str(path)], capture_output=True, check=False
    )
    found: dict[str, float] | None = json.loads(done.stdout) if done.returncode == 0 else None
    return found


def _measure(how: str, name: str) -> dict[str, float]:
    """Return the CPU seconds of the fastest of several decodes, the peak in bytes, the pixels."""
    base = _peak_bytes()
    seconds = []
    for _ in range(REPEATS):
        start = time.process_time()
        if how == "scened":
            try:
                metadata = decode(name, UNLIMITED).metadata
            except ScenedError as error:
                raise SystemExit(str(error)) from None
            pixels = metadata.width * metadata.height
        else:
            with Image.open(name) as image:
                pixels = image.width * image.height
                image.convert("RGB").resize((320, 256), reducing_gap=3.0)
        seconds.append(time.process_time() - start)
    return {
        "seconds": min(seconds),
        "peak": float(_peak_bytes() - base),
        "pixels": float(pixels),
    }


def _peak_bytes() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT
    # Linux hands getrusage's peak down to child processes, but not this one.
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


if __name__ == "__main__":
    main()
