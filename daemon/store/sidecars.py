"""What lies beside photo files: which sidecars there are, and what was read in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, text

from scened.findings import SidecarRead
from scened.sidecars import Sidecar
from scened.store.places import join
from scened.store.search_index import index_photos

__all__ = ["WaitingSidecar", "note_sidecar", "record_sidecars", "waiting_sidecars"]

KNOWN = text("SELECT name, size, modified_ns FROM sidecar WHERE file_id = :file_id")

NOTE = text(
    """
    INSERT INTO sidecar (file_id, name, size, modified_ns)
    VALUES (:file_id, :name, :size, :modified_ns)
    ON CONFLICT (file_id) DO UPDATE SET
        name = excluded.name, size = excluded.size, modified_ns = excluded.modified_ns, waiting = 1
    """
)

FORGET = text("DELETE FROM sidecar WHERE file_id = :file_id")

WAITING = text(
    """
    SELECT file.id, root.path, file.folder, sidecar.name, sidecar.size, sidecar.modified_ns
    FROM sidecar CROSS JOIN file ON file.id = file_id CROSS JOIN root ON root.id = root_id
    WHERE waiting AND file.status <> 'missing' LIMIT :limit
    """
)

# An answer counts while what it is about is still what was asked for, or is what lies there by
# now: a sidecar that was seen to change while it was read waits to be read again.
WRITE = text(
    """
    UPDATE sidecar SET
        size = :size, modified_ns = :modified_ns, rating = :rating, error = :error, waiting = 0
    WHERE file_id = :file_id AND name = :name AND (size, modified_ns) IN
        (VALUES (:size, :modified_ns), (:asked_size, :asked_modified_ns))
    """
)

FORGET_ASKED = text(
    """
    DELETE FROM sidecar WHERE file_id = :file_id AND name = :name
        AND (size, modified_ns) = (:asked_size, :asked_modified_ns)
    """
)

FORGET_KEYWORDS = text("DELETE FROM sidecar_keyword WHERE file_id = :file_id")

WRITE_KEYWORD = text("INSERT INTO sidecar_keyword (file_id, keyword) VALUES (:file_id, :keyword)")

TOUCH_FILE = text("UPDATE file SET status = status WHERE id = :file_id")


class WaitingSidecar(NamedTuple):
    """A sidecar to be read, of the photo with this id, as it was last seen."""

    file_id: int
    path: bytes
    sidecar: Sidecar


def note_sidecar(connection: Connection, file_id: int, sidecar: Sidecar | None) -> bool:
    """Take in what lies beside a file now; tell whether that is something else than before."""
    row = connection.execute(KNOWN, {"file_id": file_id}).one_or_none()
    known = Sidecar(*row) if row is not None else None
    if known == sidecar:
        return False
    if sidecar is None:
        _forget(connection, file_id)
    else:
        connection.execute(NOTE, {"file_id": file_id, **sidecar._asdict()})
    return True


def waiting_sidecars(connection: Connection, limit: int) -> list[WaitingSidecar]:
    """Return sidecars that were not read yet, or have changed since."""
    return [
        WaitingSidecar(
            row.id,
            join(row.path, row.folder, row.name),
            Sidecar(row.name, row.size, row.modified_ns),
        )
        for row in connection.execute(WAITING, {"limit": limit})
    ]


def record_sidecars(
    connection: Connection, asked: Mapping[int, WaitingSidecar], answers: Iterable[SidecarRead]
) -> None:
    """Write what was read in sidecars; `asked` holds each, by the id of its photo."""
    for answer in answers:
        labelling = answer.labelling
        _, size, modified_ns = asked[answer.file_id].sidecar
        values = {
            "file_id": answer.file_id,
            "name": answer.name,
            "size": answer.size,
            "modified_ns": answer.modified_ns,
            "rating": labelling.rating if labelling else None,
            "error": answer.error,
            "asked_size": size,
            "asked_modified_ns": modified_ns,
        }
        if labelling is None and answer.error is None:
            if connection.execute(FORGET_ASKED, values).rowcount:
                _touch(connection, answer.file_id)
            continue
        if not connection.execute(WRITE, values).rowcount:
            continue  # another one lies there by now, which waits
        connection.execute(FORGET_KEYWORDS, values)
        if labelling is not None and labelling.keywords:
            connection.execute(
                WRITE_KEYWORD,
                [{"file_id": answer.file_id, "keyword": word} for word in labelling.keywords],
            )
        _touch(connection, answer.file_id)


def _forget(connection: Connection, file_id: int) -> None:
    connection.execute(FORGET, {"file_id": file_id})
    _touch(connection, file_id)


def _touch(connection: Connection, file_id: int) -> None:
    connection.execute(TOUCH_FILE, {"file_id": file_id})
    index_photos(connection, [file_id])
