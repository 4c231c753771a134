"""Everything that is known of some photos, as records."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from scened.findings import Face
from scened.records import Correction, Keyword, Photo, PhotoTag

__all__ = ["known_photos"]

# How each list of a photo's record is read, best first; a library that an older scened wrote has
# not all of the views
LISTS: tuple[tuple[str, str, type, str], ...] = (
    (
        "tags",
        "photo_tags",
        PhotoTag,
        "tag, score, kind FROM photo_tags {} ORDER BY score DESC, tag",
    ),
    ("faces", "faces", Face, "x, y, width, height, score FROM faces {} ORDER BY id"),
    (
        "keywords",
        "photo_keywords",
        Keyword,
        "keyword, source FROM photo_keywords {} ORDER BY source, keyword",
    ),
    (
        "corrections",
        "photo_corrections",
        Correction,
        "tag, present FROM photo_corrections {} ORDER BY tag",
    ),
    (
        "companions",
        "companions",
        str,
        "path FROM (SELECT photos.id AS photo_id, companions.path"
        " FROM photos JOIN companions USING (stack_id)) {} ORDER BY path",
    ),
)


def known_photos(connection: sqlite3.Connection, photo_ids: Sequence[int]) -> list[Photo]:
    """Return the records of photos in the order of their ids; unknown ones are left out."""
    ids = (json.dumps(list(photo_ids)),)
    chosen = "IN (SELECT value FROM json_each(?))"
    cursor = connection.execute(f"SELECT * FROM photos WHERE id {chosen} ORDER BY id", ids)
    columns = [column[0] for column in cursor.description]
    rows = [dict(zip(columns, row, strict=True)) for row in cursor]
    views = {
        name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'")
    }
    lists: dict[str, dict[int, list[Any]]] = {}  # field -> photo -> records
    for field, view, record, statement in LISTS:
        found = lists[field] = {}
        if view not in views:
            continue
        which = f"WHERE photo_id {chosen}"
        for photo_id, *cells in connection.execute(
            f"SELECT photo_id, {statement.format(which)}", ids
        ):
            found.setdefault(photo_id, []).append(
                Correction(cells[0], bool(cells[1])) if record is Correction else record(*cells)
            )
    photos = []
    for row in rows:
        values: dict[str, Any] = {
            name: row[name] for name in Photo.__struct_fields__ if name in row
        }
        values |= {field: tuple(found.get(row["id"], ())) for field, found in lists.items()}
        photos.append(Photo(**values))
    return photos
