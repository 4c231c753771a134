"""Which photos may be found at all: by date, faces, kind, folder and words that must not be."""

from __future__ import annotations

import datetime
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from scened.errors import BadQuery
from scened.models.pack import Kind

__all__ = ["FROM_FILES", "KINDS", "NO_FILTERS", "Condition", "Filters", "newest_photos"]

KINDS: tuple[str, ...] = get_args(Kind)

FROM_FILES = "FROM file JOIN root ON root.id = root_id LEFT JOIN content ON content.id = content_id"

# A photo without a date of its own goes by when its file was last written
DATE = (
    "coalesce(content.taken_at,"
    " strftime('%Y-%m-%dT%H:%M:%S', file.modified_ns / 1e9, 'unixepoch', 'localtime'))"
)
NEWEST_FIRST = "coalesce(content.taken_at, strftime('%Y', file.modified_ns / 1e9, 'unixepoch'))"
RATING = "coalesce((SELECT rating FROM sidecar WHERE file_id = file.id), content.rating)"


@dataclass(frozen=True)
class Filters:
    """What every result must be; the default lets all photos pass.

    `first_day` and `last_day` are both in it. `faces` and `rating` are the least and the most.
    `kind`: it carries a tag of this kind. `folder`: it lies there or below. `least_score`: of its
    tags, or its likeness.
    """

    first_day: datetime.date | None = None
    last_day: datetime.date | None = None
    faces: tuple[int, int] | None = None
    kind: str | None = None
    folder: Path | None = None
    rating: tuple[int, int] | None = None
    least_score: float = 0.0


NO_FILTERS = Filters()


@dataclass(frozen=True)
class Condition:
    """A filter in SQL, on the tables `file` and `content`, with its bound values."""

    sql: str
    values: dict[str, object]

    @classmethod
    def of(cls, filters: Filters, excluded: str | None = None) -> Condition:
        """Put filters, and an FTS5 expression that must not match, into one condition.

        Raises BadQuery for a kind that there is none of.
        """
        parts = ["1"]
        values: dict[str, object] = {}
        if filters.first_day is not None:
            parts.append(f"{DATE} >= :first_day")
            values["first_day"] = filters.first_day.isoformat()
        if filters.last_day is not None:
            parts.append(f"{DATE} < :day_after")
            values["day_after"] = (filters.last_day + datetime.timedelta(days=1)).isoformat()
        if filters.faces is not None:
            parts.append(
                "(SELECT count(*) FROM content_face WHERE content_id = file.content_id)"
                " BETWEEN :least_faces AND :most_faces"
            )
            values["least_faces"], values["most_faces"] = filters.faces
        if filters.rating is not None:
            parts.append(f"{RATING} BETWEEN :least_rating AND :most_rating")
            values["least_rating"], values["most_rating"] = filters.rating
        if filters.kind is not None:
            if filters.kind not in KINDS:
                raise BadQuery(f"there is no kind {filters.kind!r}", f"one of {', '.join(KINDS)}")
            parts.append(
                "EXISTS (SELECT 1 FROM content_tag JOIN tag ON tag.id = tag_id"
                " WHERE content_id = file.content_id AND kind = :kind)"
            )
            values["kind"] = filters.kind
        if filters.folder is not None:
            # '0' is the character after '/'
            parts.append(
                "CAST(root.path || x'2f' || file.folder || x'2f' AS BLOB) >= :below"
                " AND CAST(root.path || x'2f' || file.folder || x'2f' AS BLOB) < :beyond"
            )
            folder = bytes(filters.folder).rstrip(b"/")
            values["below"], values["beyond"] = folder + b"/", folder + b"0"
        if excluded is not None:
            parts.append(
                "file.id NOT IN (SELECT rowid FROM photo_search WHERE photo_search MATCH :excluded)"
            )
            values["excluded"] = excluded
        return cls(" AND ".join(parts), values)


def newest_photos(connection: sqlite3.Connection, condition: Condition, limit: int) -> list[int]:
    """Return the ids of photos that pass, newest first."""
    rows = connection.execute(
        f"SELECT file.id {FROM_FILES} WHERE {condition.sql}"
        f" ORDER BY {NEWEST_FIRST} DESC, file.id DESC LIMIT :limit",
        {**condition.values, "limit": limit},
    )
    return [row[0] for row in rows]
