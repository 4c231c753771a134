"""Photos that show the same: the same bytes, or the same picture in another size or quality."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence

from scened.records import Copy, Duplicates

__all__ = ["ALIKE", "exact_groups", "near_groups"]

# Measured on 200 photos of the corpus against seven ways to alter each: others reach a cosine of
# 0.79 at the most, and differ in 31 bits or more; resized, recompressed or brightened ones differ
# in 19 bits at the most in 99 of 100 cases
ALIKE = 0.7  # cosine of embeddings from which two are looked at more closely
MOST_BITS = 16  # of 128, in which the difference hashes of two copies may differ
ASPECT_TOLERANCE = 0.05  # of the logarithm of width through height

THERE = "file.identified AND file.status <> 'missing' AND content.width > 0"

COPIES = f"""
    SELECT file.content_id, file.id, photos.path, content.width, content.height, file.size,
        coalesce(content.taken_at, photos.modified_at), photos.content_hash
    FROM file
    JOIN photos ON photos.id = file.id
    JOIN content ON content.id = file.content_id
    WHERE {THERE} AND file.content_id IN (SELECT value FROM json_each(?))
"""

SEVERAL_FILES = f"""
    SELECT content_id FROM file JOIN content ON content.id = content_id WHERE {THERE}
    GROUP BY content_id HAVING count(*) > 1
"""

ONE_FILE_EACH = f"""
    SELECT content.id, photos.path_bytes, content.width, content.height
    FROM file JOIN photos ON photos.id = file.id JOIN content ON content.id = file.content_id
    WHERE {THERE} AND content.id IN (SELECT value FROM json_each(?)) GROUP BY content.id
"""

Hashes = Callable[[Sequence[bytes]], Sequence[int | None]]


def exact_groups(connection: sqlite3.Connection) -> list[Duplicates]:
    """Return the photos that are the same bytes, in groups."""
    several = [row[0] for row in connection.execute(SEVERAL_FILES)]
    return _described(connection, [{content} for content in several])


def near_groups(
    connection: sqlite3.Connection, alike: Iterable[tuple[int, int]], hashes_of: Hashes
) -> list[Duplicates]:
    """Return the photos that show the same, exact copies among them, in groups.

    `alike` are pairs of contents to look at more closely; `hashes_of` gives the difference hash of
    pictures by their exact path, and None for one that cannot be read.
    """
    pairs = list(alike)
    known = {content for pair in pairs for content in pair}
    files = {
        row[0]: (row[1], math.log(row[2] / row[3]))
        for row in connection.execute(ONE_FILE_EACH, (json.dumps(list(known)),))
    }
    pairs = [
        (one, other)
        for one, other in pairs
        if one in files
        and other in files
        and abs(files[one][1] - files[other][1]) <= ASPECT_TOLERANCE
    ]
    contents = sorted({content for pair in pairs for content in pair})
    hashes = dict(
        zip(contents, hashes_of([files[content][0] for content in contents]), strict=True)
    )
    same = [pair for pair in pairs if _differ(hashes[pair[0]], hashes[pair[1]]) <= MOST_BITS]
    several = [(row[0], row[0]) for row in connection.execute(SEVERAL_FILES)]
    return _described(connection, list(_joined([*same, *several])))


def _differ(one: int | None, other: int | None) -> float:
    return math.inf if one is None or other is None else (one ^ other).bit_count()


def _joined(pairs: Iterable[tuple[int, int]]) -> Iterator[set[int]]:
    """Yield the sets of what is joined by pairs, directly or through others."""
    sets: dict[int, set[int]] = {}
    for one, other in pairs:
        larger, smaller = sets.setdefault(one, {one}), sets.setdefault(other, {other})
        if larger is smaller:
            continue
        if len(larger) < len(smaller):
            larger, smaller = smaller, larger
        larger |= smaller
        for content in smaller:
            sets[content] = larger
    yield from {id(each): each for each in sets.values()}.values()


def _described(connection: sqlite3.Connection, groups: list[set[int]]) -> list[Duplicates]:
    """Return groups of contents as their photos, best first; the groups by their best path."""
    contents = json.dumps([content for group in groups for content in group])
    copies: dict[int, list[Copy]] = {}
    for content, *columns in connection.execute(COPIES, (contents,)):
        copies.setdefault(content, []).append(Copy(*columns))
    described = [
        Duplicates(
            len(group) == 1,
            tuple(sorted((copy for c in group for copy in copies.get(c, ())), key=_quality)),
        )
        for group in groups
    ]
    return sorted(
        (group for group in described if len(group.photos) > 1),
        key=lambda group: group.photos[0].path,
    )


def _quality(copy: Copy) -> tuple[int, str, int]:
    return -copy.width * copy.height, copy.date, copy.id
