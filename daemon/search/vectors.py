"""Embeddings to compare: the exact nearest of all that one pack made."""

from __future__ import annotations

import sqlite3

import numpy as np
import numpy.typing as npt

__all__ = ["SCALE", "Vectors"]

SCALE = 127  # of a unit vector's numbers

Floats = npt.NDArray[np.float32]


class Vectors:
    """All embeddings of one pack, int8 [N, D], and the content each belongs to."""

    def __init__(self, contents: npt.NDArray[np.int64], vectors: npt.NDArray[np.int8]) -> None:
        self._contents = contents
        self._vectors = vectors

    @classmethod
    def read(cls, connection: sqlite3.Connection, pack: str, dimensions: int) -> Vectors:
        """Read all vectors of a pack."""
        rows = connection.execute(
            "SELECT content_id, vector FROM content_embedding"
            " WHERE pack_id = (SELECT id FROM pack WHERE identity = ?) AND length(vector) = ?",
            (pack, dimensions),
        ).fetchall()
        contents = np.array([row[0] for row in rows], np.int64)
        vectors = np.frombuffer(b"".join(row[1] for row in rows), np.int8)
        return cls(contents, vectors.reshape(-1, dimensions))

    def __len__(self) -> int:
        return len(self._contents)

    def likeness(self, unit: Floats) -> Floats:
        """Return the cosine between a unit vector, float32 [D], and each embedding: [N]."""
        scores: Floats = self._vectors.astype(np.float32) @ (unit / np.float32(SCALE))
        return scores

    def best(self, scores: Floats, count: int) -> list[tuple[int, float]]:
        """Return the contents with the highest of these scores, [N], and theirs, best first."""
        count = min(count, len(scores))
        if not count:
            return []
        best = np.argpartition(scores, len(scores) - count)[len(scores) - count :]
        best = best[np.argsort(-scores[best], kind="stable")]
        return list(zip(self._contents[best].tolist(), scores[best].tolist(), strict=True))
