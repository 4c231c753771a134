"""Photos nearest to a point among the embeddings: what a text means, or what others look like."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

import numpy as np

from scened.search.filters import FROM_FILES, Condition
from scened.search.vectors import Floats, Vectors

__all__ = ["between", "nearest_photos", "unit_of"]

ASKED_MORE = 8  # times as many contents as are wanted, where filters let too few of them pass
UNLIKE_WEIGHT = 0.5  # of what it should not be like: Rocchio, Relevance feedback, 1971


def unit_of(vector: bytes) -> Floats:
    """Return a stored embedding as a unit vector, float32 [D]."""
    return _unit(np.frombuffer(vector, np.int8).astype(np.float32))


def between(like: Sequence[Floats], unlike: Sequence[Floats]) -> Floats:
    """Return the unit vector amid those it should be like, moved away from the others."""
    total: Floats = np.mean(like, axis=0, dtype=np.float32)
    if unlike:
        total -= UNLIKE_WEIGHT * np.mean(unlike, axis=0, dtype=np.float32)
    return _unit(total)


def nearest_photos(
    connection: sqlite3.Connection,
    vectors: Vectors,
    point: Floats,
    condition: Condition,
    limit: int,
    least: float = -np.inf,
) -> list[tuple[int, float]]:
    """Return photo ids and their cosines with a unit vector, above `least`, best first.

    Of a `point` that is no unit vector, their products.
    """
    scores = vectors.likeness(point)
    asked = limit
    while True:
        best = [(content, score) for content, score in vectors.best(scores, asked) if score > least]
        found = _photos(connection, best, condition)
        if len(found) >= limit or len(best) < asked:
            return found[:limit]
        asked *= ASKED_MORE


def _photos(
    connection: sqlite3.Connection, best: list[tuple[int, float]], condition: Condition
) -> list[tuple[int, float]]:
    """Return the photos that have these contents and pass the filters, in the contents' order."""
    scores = dict(best)
    rows = connection.execute(
        f"SELECT file.id, file.content_id {FROM_FILES} WHERE file.content_id IN"
        f" (SELECT value FROM json_each(:contents)) AND {condition.sql}",
        {**condition.values, "contents": json.dumps(list(scores))},
    )
    found = [(photo_id, scores[content_id]) for photo_id, content_id in rows]
    return sorted(found, key=lambda each: (-each[1], -each[0]))


def _unit(vector: Floats) -> Floats:
    unit: Floats = (vector / max(float(np.linalg.norm(vector)), 1e-9)).astype(np.float32)
    return unit
