"""How long near duplicates are sought among the embeddings of a library, and how many are missed.

    python -m benchmarks.synthetic --photos 1000000 /tmp/million.sqlite
    python -m benchmarks.duplicates /tmp/million.sqlite

What is found by landmarks stands beside what comparing all pairs finds, where there are few enough
photos for that. The pictures themselves, which confirm a pair, are not decoded here.
"""

from __future__ import annotations

import argparse
import sqlite3
import time
from pathlib import Path

import numpy as np

from scened.search.duplicates import ALIKE
from scened.search.pairs import Embeddings, Pairs, near_pairs

SCALE = 127  # of a unit vector's numbers
ALL_PAIRS = 100_000  # photos, of which all pairs take a minute


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
    stored = b"".join(row[0] for row in connection.execute("SELECT vector FROM content_embedding"))
    vectors = np.frombuffer(stored, np.int8).reshape(-1, 256)
    found = _timed("by landmarks", vectors, 0)
    if len(vectors) <= ALL_PAIRS:
        exact = _timed("all pairs", vectors, len(vectors))
        if len(exact):
            print(f"missed: {1 - len(found) / len(exact):.2%}")


def _timed(name: str, vectors: Embeddings, few: int) -> Pairs:
    began = time.perf_counter()
    pairs = near_pairs(vectors, round(ALIKE * SCALE**2), few)
    seconds = time.perf_counter() - began
    print(f"{len(vectors):,} photos, {name}: {len(pairs):,} pairs in {seconds:.1f} s")
    return pairs


if __name__ == "__main__":
    main()
