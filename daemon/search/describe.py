"""Make records of rows: what was found, and counts of the whole library."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from scened.findings import Face
from scened.records import Count, Found, Stats, TagCount

__all__ = ["count_all", "describe_found", "faces_of", "tag_counts"]

BEST_TAGS = 5
OF_CONTENT = "FROM file JOIN content ON content.id = content_id"


def faces_of(connection: sqlite3.Connection, photo_id: int) -> tuple[Face, ...]:
    """Return the faces in a photo, best first."""
    rows = connection.execute(
        "SELECT x, y, width, height, score FROM faces WHERE photo_id = ? ORDER BY id",
        (photo_id,),
    )
    return tuple(Face(*row) for row in rows)


def describe_found(
    connection: sqlite3.Connection,
    ranked: Sequence[tuple[int, float]],
    tag_scores: dict[int, float],
    likeness: dict[int, float],
) -> tuple[Found, ...]:
    """Make records of photo ids and scores, in their order."""
    ids = json.dumps([photo_id for photo_id, _ in ranked])
    paths: dict[int, str] = dict(
        connection.execute(
            "SELECT id, path FROM photos WHERE id IN (SELECT value FROM json_each(?))", (ids,)
        ).fetchall()
    )
    tags: dict[int, list[tuple[float, str]]] = {}
    for photo_id, tag, score in connection.execute(
        "SELECT photo_id, tag, score FROM photo_tags"
        " WHERE photo_id IN (SELECT value FROM json_each(?))",
        (ids,),
    ):
        tags.setdefault(photo_id, []).append((-score, tag))
    return tuple(
        Found(
            id=photo_id,
            path=paths[photo_id],
            score=score,
            tag_score=tag_scores.get(photo_id),
            likeness=likeness.get(photo_id),
            tags=tuple(tag for _, tag in sorted(tags.get(photo_id, ()))[:BEST_TAGS]),
        )
        for photo_id, score in ranked
    )


def tag_counts(connection: sqlite3.Connection) -> list[TagCount]:
    """Return the tags that photos carry, the most frequent first."""
    rows = connection.execute(
        "SELECT name, kind, parent, photos FROM tags WHERE photos > 0 ORDER BY photos DESC, name"
    )
    return [TagCount(*row) for row in rows]


def count_all(connection: sqlite3.Connection) -> Stats:
    """Count the photos: by status, year, format, camera, faces and tags."""

    def counts(statement: str) -> tuple[Count, ...]:
        return tuple(Count(str(row[0]), row[1]) for row in connection.execute(statement))

    photos, file_bytes = connection.execute(
        "SELECT count(*), coalesce(sum(size), 0) FROM file"
    ).fetchone()
    return Stats(
        photos=photos,
        file_bytes=file_bytes,
        statuses=counts("SELECT status, count(*) FROM file GROUP BY 1 ORDER BY 2 DESC"),
        years=counts(
            f"SELECT substr(taken_at, 1, 4), count(*) {OF_CONTENT}"
            " WHERE taken_at IS NOT NULL GROUP BY 1 ORDER BY 1"
        ),
        formats=counts(
            f"SELECT format, count(*) {OF_CONTENT}"
            " WHERE format IS NOT NULL GROUP BY 1 ORDER BY 2 DESC"
        ),
        cameras=counts(
            f"SELECT camera, count(*) {OF_CONTENT}"
            " WHERE camera IS NOT NULL GROUP BY 1 ORDER BY 2 DESC"
        ),
        faces=counts(
            "SELECT CASE WHEN faces < 10 THEN faces ELSE '10 or more' END, count(*) FROM ("
            " SELECT (SELECT count(*) FROM content_face WHERE content_id = content.id)"
            f" AS faces {OF_CONTENT} WHERE outcome = 'analysed'"
            ") GROUP BY 1 ORDER BY min(faces)"
        ),
        tags=tuple(Count(tag.tag, tag.photos) for tag in tag_counts(connection)),
    )
