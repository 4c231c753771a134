"""Make a library of any size without photos: what the daemon would have written, row by row.

    python -m benchmarks.synthetic --photos 1000000 /tmp/million.sqlite

Names, dates and cameras as phones give them, tags of the pack that ships as often as Zipf has it
(one on every fifth photo, one on 20), a face on every third, embeddings in clusters.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scened.clock import utc_now
from scened.models.pack import Pack, default_pack_folder, open_pack
from scened.store.database import open_for_writing
from scened.store.results import activate_pack
from scened.store.search_index import date_words

__all__ = ["COMMON", "RARE", "make"]

COMMON = "person"  # on every fifth photo
RARE = "accordion"  # on 20 photos
RARE_PHOTOS = 20
TAGS_A_PHOTO = 3  # besides these, and besides what is above them
AT_ONCE = 10_000
CLUSTERS = 2_000
DIMENSIONS = 256
ROOT = "/home/ada/Pictures"
CAMERAS = ("Apple iPhone 12", "Google Pixel 7", "Canon EOS 80D", "SONY ILCE-7M3")
PLACES = ("Rome", "Garden", "Birthday", "Hike", "Office", "Sea", "Zoo", "Wedding")


def make(file: Path, photos: int) -> None:
    """Write a library with so many photos to a new file."""
    pack = open_pack(default_pack_folder())
    database = open_for_writing(file)
    with database.writing() as connection:
        pack_id = activate_pack(connection, pack)
    database.close()
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    triggers = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(
        "INSERT INTO root (path, path_text, device) VALUES (?, ?, 1)", (ROOT.encode(), ROOT)
    )
    _fill(connection, pack, pack_id, photos)
    for _, sql in triggers:
        connection.execute(sql)
    connection.execute("UPDATE sequence SET value = ?", (photos,))
    connection.execute("UPDATE daemon SET pack = ?", (pack.identity,))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _fill(connection: sqlite3.Connection, pack: Pack, pack_id: int, photos: int) -> None:
    chance = random.Random(1)  # noqa: S311 - the same library every time
    tags = _Tags(connection, pack)
    now = utc_now()
    for start in range(1, photos + 1, AT_ONCE):
        ids = range(start, min(start + AT_ONCE, photos + 1))
        vectors = _vectors(start, len(ids))
        carried = {i: dict(tags.some(chance, i, photos)) for i in ids}
        places = {i: _place(i) for i in ids}
        taken = {i: _date(chance) for i in ids}
        cameras = {i: chance.choice(CAMERAS) for i in ids}
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO content (id, hash, size, outcome, pack_id, analysed_at, width, height,"
            " format, camera, taken_at, taken_offset, sharpness)"
            " VALUES (?, ?, ?, 'analysed', ?, ?, 4032, 3024, 'JPEG', ?, ?, '+02:00', ?)",
            (
                (i, i.to_bytes(16), 3_000_000 + i, pack_id, now, cameras[i], taken[i], 99.5 + i)
                for i in ids
            ),
        )
        connection.executemany(
            "INSERT INTO file (id, seq, root_id, folder, name, device, inode, size, modified_ns,"
            " content_id, identified, status) VALUES (?1, ?1, 1, ?2, ?3, 1, ?1, ?4, ?5, ?1, 1,"
            " 'analysed')",
            (
                (i, places[i][0].encode(), places[i][1].encode(), 3_000_000 + i, 10**18 + i * 10**9)
                for i in ids
            ),
        )
        connection.executemany(
            "INSERT INTO content_tag (content_id, tag_id, score) VALUES (?, ?, ?)",
            ((i, tag, score) for i in ids for tag, score in sorted(carried[i].items())),
        )
        connection.executemany(
            "INSERT INTO content_face VALUES (?, 0, .25, .25, .125, .125, .75)",
            ((i,) for i in ids if i % 3 == 0),
        )
        connection.executemany(
            "INSERT INTO content_embedding VALUES (?, ?, ?)",
            ((i, pack_id, vectors[i - start].tobytes()) for i in ids),
        )
        connection.executemany(
            "INSERT INTO photo_search (rowid, path, tags, camera, dates) VALUES (?, ?, ?, ?, ?)",
            (
                (
                    i,
                    "/".join((ROOT, *places[i])),
                    ", ".join(tags.words[tag] for tag in carried[i]),
                    cameras[i],
                    date_words(taken[i]),
                )
                for i in ids
            ),
        )
        connection.execute("COMMIT")


class _Tags:
    """The pack's tags, each as often as its place among them lets it be."""

    def __init__(self, connection: sqlite3.Connection, pack: Pack) -> None:
        rows = connection.execute("SELECT id, name, synonyms FROM tag").fetchall()
        self.words = {row[0]: f"{row[1]} {row[2]}" for row in rows}
        self._ids = {row[1]: row[0] for row in rows}
        self._parents = {label.name: label.parent for label in pack.manifest.labels}
        above = set(self._parents.values())
        self._leaves = [name for name in self._parents if name not in above | {COMMON, RARE}]
        self._leaves = [name for name in self._leaves if COMMON not in self._line(name)]
        self._weights = [1 / (place + 5) for place in range(len(self._leaves))]

    def some(self, chance: random.Random, photo: int, photos: int) -> Iterator[tuple[int, int]]:
        names = chance.choices(self._leaves, self._weights, k=TAGS_A_PHOTO)
        if photo % 5 == 0:
            names.append(COMMON)
        if photo % max(1, photos // RARE_PHOTOS) == 0:
            names.append(RARE)
        for name in names:
            score = chance.randint(5_000, 10_000)
            for each in self._line(name):
                yield self._ids[each], score

    def _line(self, name: str) -> list[str]:
        line = [name]
        while (parent := self._parents[line[-1]]) is not None:
            line.append(parent)
        return line


def _place(photo: int) -> tuple[str, str]:
    album = photo // 200
    return f"{2005 + album % 20}/{PLACES[album % len(PLACES)]} {album}", f"IMG_{photo:07}.jpg"


def _date(chance: random.Random) -> str:
    return (
        f"{chance.randint(2005, 2024)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
        f"T{chance.randint(0, 23):02}:15:30"
    )


def _vectors(seed: int, count: int) -> np.ndarray[tuple[int, int], np.dtype[np.int8]]:
    centres = np.random.default_rng(0).normal(size=(CLUSTERS, DIMENSIONS)).astype(np.float32)
    noise = np.random.default_rng(seed)
    vectors = centres[noise.integers(0, CLUSTERS, count)]
    vectors += noise.normal(size=vectors.shape).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.rint(vectors * 127).astype(np.int8)


def _main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    make(arguments.file, arguments.photos)


if __name__ == "__main__":
    _main()
