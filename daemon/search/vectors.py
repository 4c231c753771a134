"""Embeddings to compare: the exact nearest of all that one pack made.

The vectors of a library lie once more in a side file beside the database, one after the other, so
that they can be mapped into memory and compared at the speed of memory (benchmarks/vectors.py).
It may be deleted at any time. What changed since it was made is read from the database on top,
and where that is much, or a sample of it is not what the database says, it is made anew.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sqlite3
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import simsimd

from scened.search.pairs import near_pairs

__all__ = ["Floats", "Vectors", "side_file"]

SCALE = 127  # of a unit vector's numbers
HEADER = struct.Struct("<8sQQQ32x")  # what it is, seq, vectors, dimensions; then vectors, contents
SIGNATURE = b"SCNDVEC1"
ROWS_AT_ONCE = 10_000
MOST_CHANGES = 20_000  # contents that are read on top of a side file rather than making another
SAMPLE = 64  # vectors that are compared with the database, half of them the newest
FIRST_GUESS = 50_000  # scores that give a bound for the best of all
NO_LIKENESS = -2.0  # of a vector that is no longer in force

Floats = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]
Contents = npt.NDArray[np.int64]
Embeddings = npt.NDArray[np.int8]


def side_file(database_file: Path, pack: str) -> Path:
    """Return where the vectors of a pack lie beside a database."""
    return database_file.with_name(f"{database_file.name}.cache") / f"vectors-{pack}"


class Vectors:
    """All embeddings of one pack, int8 [N, D], and the content each belongs to.

    `refresh` brings them in step with the database, inside the caller's transaction.
    """

    def __init__(self, file: Path, pack: str, dimensions: int) -> None:
        self._file = file
        self._pack = pack
        self._dimensions = dimensions
        self._seq = -1
        self._made_at_seq = -1  # the side file's
        self._made = self._none()
        self._changed = self._none()
        self._dead: npt.NDArray[np.intp] = np.empty(0, np.intp)  # rows of what changed since

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Take in what changed; reads or makes the side file where need be."""
        (seq,) = connection.execute("SELECT value FROM sequence").fetchone()
        if seq == self._seq:
            return
        if self._seq < 0:
            self._open(connection, seq)
        changed = self._changed_contents(connection)
        if len(changed) > MOST_CHANGES or not self._is_true(connection, seq, changed):
            self._make(connection, seq)
            changed = []
        self._dead = self._rows_of(changed)
        self._changed = self._read(connection, changed)
        self._seq = seq

    def __len__(self) -> int:
        return len(self._made[0]) - len(self._dead) + len(self._changed[0])

    def likeness(self, point: Floats) -> Scores:
        """Return the product of a point, float32 [D], -1..1, and each unit embedding."""
        query = np.rint(point * SCALE).astype(np.int8)
        scores = _products(query, self._made[1])
        scores[self._dead] = NO_LIKENESS
        if len(self._changed[0]):
            scores = np.concatenate([scores, _products(query, self._changed[1])])
        return scores

    def best(self, scores: Scores, count: int) -> list[tuple[int, float]]:
        """Return the contents with the highest of these scores, and theirs, best first."""
        count = min(count, len(self))
        if not count:
            return []
        # the best of some bound the best of all from below, which spares sorting most of them
        first = scores[:FIRST_GUESS]
        bound = np.partition(first, -count)[-count] if len(first) > count else NO_LIKENESS
        rows = np.flatnonzero(scores >= bound)
        rows = rows[np.argsort(-scores[rows], kind="stable")][:count]
        made = len(self._made[0])
        return [
            (
                int(self._made[0][row] if row < made else self._changed[0][row - made]),
                float(scores[row]),
            )
            for row in rows
        ]

    def sample(self, most: int) -> Floats:
        """Return the unit vectors of some photos, float32 [N, D], from all over the library."""
        made, changed = self._made[1], self._changed[1]
        each = max(1, -(-(len(made) + len(changed)) // most))
        some: Floats = np.concatenate([made[::each], changed[::each]]).astype(np.float32)
        some /= SCALE
        return some

    def pairs(self, least: float) -> Iterator[tuple[int, int]]:
        """Yield the pairs of contents whose cosine is at least so much (see `near_pairs`)."""
        contents = np.concatenate([np.delete(self._made[0], self._dead), self._changed[0]])
        alive = np.delete(self._made[1], self._dead, axis=0)
        vectors = np.concatenate([alive, self._changed[1]])
        yield from map(tuple, contents[near_pairs(vectors, round(least * SCALE**2))].tolist())

    def _open(self, connection: sqlite3.Connection, seq: int) -> None:
        """Map the side file, or make it."""
        with contextlib.suppress(OSError, ValueError):
            made_at_seq, self._made = _map(self._file, self._dimensions)
            self._made_at_seq = made_at_seq
            return
        self._make(connection, seq)

    def _make(self, connection: sqlite3.Connection, seq: int) -> None:
        """Write the side file anew, beside the old one and then in its place."""
        try:
            self._file.parent.mkdir(mode=0o700, exist_ok=True)
            # made with mode 0600
            with tempfile.NamedTemporaryFile(dir=self._file.parent, delete=False) as file:
                try:
                    self._write(connection, seq, file)
                    os.replace(file.name, self._file)  # noqa: PTH105
                except BaseException:
                    os.unlink(file.name)  # noqa: PTH108
                    raise
            _, self._made = _map(self._file, self._dimensions)
        except OSError:  # a folder that cannot be written to costs speed, not the answer
            buffer = io.BytesIO()
            self._write(connection, seq, buffer)
            _, self._made = _take_apart(
                np.frombuffer(buffer.getbuffer(), np.uint8), self._dimensions
            )
        self._made_at_seq = seq

    def _write(self, connection: sqlite3.Connection, seq: int, file: IO[bytes]) -> None:
        rows = connection.execute(
            "SELECT content_id, vector FROM content_embedding WHERE length(vector) = ?"
            " AND pack_id = (SELECT id FROM pack WHERE identity = ?) ORDER BY content_id",
            (self._dimensions, self._pack),
        )
        contents: list[int] = []
        file.write(HEADER.pack(b"", 0, 0, 0))
        while portion := rows.fetchmany(ROWS_AT_ONCE):
            contents += [row[0] for row in portion]
            file.write(b"".join(row[1] for row in portion))
        file.write(np.array(contents, "<i8").tobytes())
        file.seek(0)
        file.write(HEADER.pack(SIGNATURE, seq, len(contents), self._dimensions))
        file.flush()

    def _changed_contents(self, connection: sqlite3.Connection) -> list[int]:
        rows = connection.execute(
            "SELECT DISTINCT content_id FROM file WHERE seq > ? AND content_id IS NOT NULL LIMIT ?",
            (self._made_at_seq, MOST_CHANGES + 1),
        )
        return [row[0] for row in rows]

    def _read(self, connection: sqlite3.Connection, contents: list[int]) -> _Made:
        rows = connection.execute(
            "SELECT content_id, vector FROM content_embedding"
            " WHERE content_id IN (SELECT value FROM json_each(?)) AND length(vector) = ?"
            " AND pack_id = (SELECT id FROM pack WHERE identity = ?)",
            (json.dumps(contents), self._dimensions, self._pack),
        ).fetchall()
        vectors = np.frombuffer(b"".join(row[1] for row in rows), np.int8)
        return (
            np.array([row[0] for row in rows], np.int64),
            vectors.reshape(len(rows), self._dimensions),
        )

    def _is_true(self, connection: sqlite3.Connection, seq: int, changed: list[int]) -> bool:
        """Tell whether the side file is of this very database, by its seq and a sample.

        A database may have been put back from a copy, or replaced by another one. Contents that
        are gone prove nothing, unless most of them are.
        """
        if self._made_at_seq > seq:
            return False
        count = len(self._made[0])
        sample = {*range(max(0, count - SAMPLE // 2), count)}
        sample.update(range(0, count, max(1, count // (SAMPLE // 2))))
        rows = np.array(sorted(sample.difference(self._rows_of(changed).tolist())), np.intp)
        ours = dict(zip(self._made[0][rows].tolist(), self._made[1][rows], strict=True))
        contents, vectors = self._read(connection, list(ours))
        theirs = zip(contents.tolist(), vectors, strict=True)
        same = all(np.array_equal(ours[content], vector) for content, vector in theirs)
        return same and 2 * len(contents) >= len(rows) and self._is_whole(connection, changed)

    def _is_whole(self, connection: sqlite3.Connection, changed: list[int]) -> bool:
        """Tell whether the oldest and the newest embeddings of the database are known here."""
        ends: set[int] = set()
        for order in ("ASC", "DESC"):
            rows = connection.execute(
                "SELECT content_id FROM content_embedding WHERE length(vector) = ?"
                " AND pack_id = (SELECT id FROM pack WHERE identity = ?)"
                f" ORDER BY content_id {order} LIMIT {SAMPLE // 2}",
                (self._dimensions, self._pack),
            )
            ends.update(row[0] for row in rows)
        ends.difference_update(changed)
        return len(self._rows_of(list(ends))) == len(ends)

    def _rows_of(self, contents: list[int]) -> npt.NDArray[np.intp]:
        """Return the rows of the side file that belong to contents; those without one are left."""
        wanted = np.array(contents, np.int64)
        rows = np.searchsorted(self._made[0], wanted)
        inside = rows < len(self._made[0])
        rows, wanted = rows[inside], wanted[inside]
        found: npt.NDArray[np.intp] = rows[self._made[0][rows] == wanted]
        return found

    def _none(self) -> _Made:
        return np.empty(0, np.int64), np.empty((0, self._dimensions), np.int8)


_Made = tuple[Contents, Embeddings]


def _map(file: Path, dimensions: int) -> tuple[int, _Made]:
    """Map a side file. Raises OSError, or ValueError where it is none, or cut short."""
    return _take_apart(np.memmap(file, np.uint8, "r"), dimensions)


def _take_apart(data: npt.NDArray[np.uint8], dimensions: int) -> tuple[int, _Made]:
    if len(data) < HEADER.size:
        raise ValueError("no side file")
    signature, seq, count, width = HEADER.unpack(data[: HEADER.size].tobytes())
    vectors_end = HEADER.size + count * dimensions
    if signature != SIGNATURE or width != dimensions or len(data) != vectors_end + 8 * count:
        raise ValueError("no side file")
    vectors = data[HEADER.size : vectors_end].view(np.int8).reshape(count, dimensions)
    return int(seq), (data[vectors_end:].view("<i8"), vectors)


def _products(query: Embeddings, vectors: Embeddings) -> Scores:
    """Return cosines of int8 vectors, [N], from exact dot products."""
    if not len(vectors):
        return np.empty(0, np.float64)
    products: Scores = np.asarray(simsimd.cdist(query[None], vectors, metric="dot"))[0]
    products /= SCALE**2
    return products
