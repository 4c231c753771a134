"""How fast the nearest of many embeddings are found, exactly, in each of the ways there are.

    pip install usearch
    python benchmarks/vectors.py --photos 10000 100000 1000000

Random unit vectors of 256 whole numbers lie in a mapped file, warm. Each way should find 50 as
near; the floor is one pass over the same bytes, for no way is faster than memory. Prints medians.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import simsimd

from scened.search.vectors import Vectors

DIMENSIONS = 256
WANTED = 50
RUNS = 15
BLOCK = 8_192  # vectors that numpy turns into floats at a time
PORTION = 100_000

Embeddings = npt.NDArray[np.int8]
Way = Callable[[], list[int]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photos", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for photos in arguments.photos:
            vectors = _write(Path(folder) / str(photos), photos)
            words = vectors.reshape(-1).view(np.uint64)
            print(f"{photos:,} photos, {vectors.nbytes / 1e6:.0f} MB")
            print(f"  {_median(lambda words=words: words.sum()):8.2f} ms  floor: one pass")
            query = vectors[photos // 2].copy()
            ways = _ways(vectors, query)
            expected = _products(vectors, query, ways["simsimd"]())
            for name, way in ways.items():
                same = _products(vectors, query, way()) == expected
                print(f"  {_median(way):8.2f} ms  {name}" + ("" if same else "  NOT THE SAME"))


def _ways(vectors: Embeddings, query: Embeddings) -> dict[str, Way]:
    unit = query.astype(np.float32)
    ours = Vectors(Path("nowhere"), "", DIMENSIONS)
    ours._made = (np.arange(len(vectors)), vectors)

    def product() -> list[int]:
        # the way of daemon/search/vectors.py
        scores = ours.likeness(unit / 127)
        return [row for row, _ in ours.best(scores, WANTED)]

    def simsimd_alone() -> list[int]:
        scores = np.asarray(simsimd.cdist(query[None], vectors, metric="dot"))[0]
        return _best(scores)

    def numpy_floats() -> list[int]:
        scores = np.empty(len(vectors), np.float32)
        for start in range(0, len(vectors), BLOCK):
            block = vectors[start : start + BLOCK]
            scores[start : start + BLOCK] = block.astype(np.float32) @ unit
        return _best(scores)

    ways = {"scened": product, "simsimd": simsimd_alone, "numpy, floats": numpy_floats}
    try:
        from usearch.index import MetricKind, search
    except ImportError:
        return ways

    def usearch_exact() -> list[int]:
        matches = search(vectors, query, WANTED, MetricKind.IP, exact=True)
        return [int(key) for key in matches.keys]

    return {**ways, "usearch, exact": usearch_exact}


def _products(vectors: Embeddings, query: Embeddings, rows: list[int]) -> list[int]:
    """Return how near the rows are, which tells more than the rows where several are as near."""
    return sorted((vectors[rows].astype(np.int32) @ query.astype(np.int32)).tolist())


def _best(scores: npt.NDArray[np.floating]) -> list[int]:
    best: list[int] = np.argpartition(scores, len(scores) - WANTED)[-WANTED:].tolist()
    return best


def _write(file: Path, photos: int) -> Embeddings:
    random = np.random.default_rng(0)
    with file.open("wb") as out:
        for start in range(0, photos, PORTION):
            some = random.normal(size=(min(PORTION, photos - start), DIMENSIONS))
            some /= np.linalg.norm(some, axis=1, keepdims=True)
            out.write(np.rint(some * 127).astype(np.int8).tobytes())
    return np.memmap(file, np.int8, "r", shape=(photos, DIMENSIONS))


def _median(way: Callable[[], object]) -> float:
    way()
    milliseconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        way()
        milliseconds.append((time.perf_counter() - began) * 1000)
    return statistics.median(milliseconds)


if __name__ == "__main__":
    main()
