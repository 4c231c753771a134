"""The full-text index `photo_search`, kept in step with what it describes."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, text

__all__ = ["date_words", "index_all", "index_photos"]

PHOTOS_AT_ONCE = 500  # SQLite bounds how many values a statement may have

# calendar.month_name would follow the locale of whoever runs the daemon
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


WHAT_TO_INDEX = text(
    """
    SELECT photos.id, photos.path, photos.camera, photos.taken_at, (
        SELECT group_concat(tag.name || ' ' || tag.synonyms, ', ')
        FROM file
        JOIN content_tag ON content_tag.content_id = file.content_id
        JOIN tag ON tag.id = content_tag.tag_id
        WHERE file.id = photos.id
    ) AS tags, (
        SELECT group_concat(keyword, ', ') FROM photo_keywords WHERE photo_id = photos.id
    ) AS keywords
    FROM photos WHERE photos.id IN :ids
    """
).bindparams(bindparam("ids", expanding=True))

FORGET_PHOTO = text("DELETE FROM photo_search WHERE rowid = :id")

INDEX_PHOTO = text(
    """
    INSERT INTO photo_search (rowid, path, tags, camera, dates, keywords)
    VALUES (:id, :path, :tags, :camera, :dates, :keywords)
    """
)


def index_photos(connection: Connection, photo_ids: Sequence[int]) -> None:
    """Write the index anew for some photos, in the caller's transaction."""
    for start in range(0, len(photo_ids), PHOTOS_AT_ONCE):
        ids = list(photo_ids[start : start + PHOTOS_AT_ONCE])
        rows = [
            {
                "id": row.id,
                "path": row.path,
                "tags": row.tags or "",
                "camera": row.camera or "",
                "dates": date_words(row.taken_at),
                "keywords": row.keywords or "",
            }
            for row in connection.execute(WHAT_TO_INDEX, {"ids": ids})
        ]
        connection.execute(FORGET_PHOTO, [{"id": photo_id} for photo_id in ids])
        connection.execute(INDEX_PHOTO, rows)


def index_all(connection: Connection) -> None:
    """Write the whole index anew, so that nothing is left of what was in it."""
    connection.execute(text("DELETE FROM photo_search"))
    index_photos(connection, connection.execute(text("SELECT id FROM file")).scalars().all())
    connection.execute(text("INSERT INTO photo_search (photo_search) VALUES ('rebuild')"))


def date_words(taken_at: str | None) -> str:
    """Return what one would type to find a date: '2019-06-14T…' -> '2019 06 14 June'."""
    if not taken_at:
        return ""
    year, month, day = taken_at[:10].split("-")
    return f"{year} {month} {day} {MONTHS[int(month) - 1]}"
