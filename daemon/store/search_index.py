"""The full-text index `photo_search`, kept in step with what it describes."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, text

__all__ = ["date_words", "index_photos"]

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


def index_photos(connection: Connection, photo_ids: Sequence[int]) -> None:
    """Write the index anew for some photos, in the caller's transaction."""
    if not photo_ids:
        return
    rows = connection.execute(
        text(
            "SELECT photos.id, photos.path, photos.camera, photos.taken_at, (SELECT"
            " group_concat(tag.name || ' ' || tag.synonyms, ', ') FROM file"
            " JOIN content_tag ON content_tag.content_id = file.content_id"
            " JOIN tag ON tag.id = content_tag.tag_id WHERE file.id = photos.id) AS tags"
            " FROM photos WHERE photos.id IN :ids"
        ).bindparams(bindparam("ids", expanding=True)),
        {"ids": list(photo_ids)},
    ).all()
    connection.execute(
        text("DELETE FROM photo_search WHERE rowid = :id"), [{"id": row.id} for row in rows]
    )
    connection.execute(
        text(
            "INSERT INTO photo_search (rowid, path, tags, camera, dates)"
            " VALUES (:id, :path, :tags, :camera, :dates)"
        ),
        [
            {
                "id": row.id,
                "path": row.path,
                "tags": row.tags or "",
                "camera": row.camera or "",
                "dates": date_words(row.taken_at),
            }
            for row in rows
        ],
    )


def date_words(taken_at: str | None) -> str:
    """Return what one would type to find a date: '2019-06-14T…' -> '2019 06 14 June'."""
    if not taken_at:
        return ""
    year, month, day = taken_at[:10].split("-")
    return f"{year} {month} {day} {MONTHS[int(month) - 1]}"
