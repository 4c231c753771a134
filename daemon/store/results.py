"""What was seen in photos: written once for each content, whatever paths lead to it."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text

from scened.clock import utc_now
from scened.findings import Findings, Outcome
from scened.models.pack import Pack
from scened.store.queue import ATTEMPTS
from scened.store.schema import Status
from scened.store.search_index import index_photos

__all__ = ["activate_pack", "count_crash", "drop_orphans", "record"]


def activate_pack(connection: Connection, pack: Pack) -> int:
    """Make the pack's name and words known to the database, and return the pack's row id."""
    connection.execute(
        text("INSERT INTO pack (identity) VALUES (:identity) ON CONFLICT DO NOTHING"),
        {"identity": pack.identity},
    )
    connection.execute(
        text(
            "INSERT INTO tag (name, kind, parent, synonyms)"
            " VALUES (:name, :kind, :parent, :synonyms) ON CONFLICT (name) DO UPDATE"
            " SET kind = excluded.kind, parent = excluded.parent, synonyms = excluded.synonyms"
        ),
        [
            {
                "name": label.name,
                "kind": label.kind,
                "parent": label.parent,
                "synonyms": ", ".join(label.synonyms),
            }
            for label in pack.manifest.labels
        ],
    )
    return int(
        connection.execute(
            text("SELECT id FROM pack WHERE identity = :identity"), {"identity": pack.identity}
        ).scalar_one()
    )


def record(connection: Connection, pack_id: int, outcomes: Iterable[Outcome]) -> list[int]:
    """Write what looks at photos came to; return the ids of the photos that changed.

    An outcome counts only for the very size and time the analyzer saw: where the file was
    changed meanwhile, its row stays pending and is looked at again.
    """
    changed: list[int] = []
    for outcome in outcomes:
        if outcome.hash is None:
            changed += _set_aside(connection, outcome)
        else:
            if outcome.findings is not None or outcome.error is not None:
                _write_content(connection, pack_id, outcome)
            changed += _identify(connection, outcome)
    index_photos(connection, changed)
    return changed


def count_crash(connection: Connection, file_id: int, reason: str) -> None:
    """Count a look that the analyzer did not survive; after the third the photo is quarantined."""
    connection.execute(
        text(
            "UPDATE file SET attempts = attempts + 1,"
            f" status = CASE WHEN attempts + 1 >= {ATTEMPTS} THEN '{Status.FAILED}'"
            " ELSE status END,"
            f" error = CASE WHEN attempts + 1 >= {ATTEMPTS} THEN :reason ELSE error END"
            " WHERE id = :id"
        ),
        {"id": file_id, "reason": f"{reason} ({ATTEMPTS} times)"},
    )


def drop_orphans(connection: Connection) -> int:
    """Delete what is known of contents that no file has any more; return how many."""
    return connection.execute(
        text(
            "DELETE FROM content WHERE NOT EXISTS"
            " (SELECT 1 FROM file WHERE file.content_id = content.id)"
        )
    ).rowcount


def _set_aside(connection: Connection, outcome: Outcome) -> list[int]:
    """Note why a file could not even be read to its end."""
    changed = connection.execute(
        text(
            "UPDATE file SET status = :status, error = :error WHERE id = :id"
            " AND size = :size AND modified_ns = :modified_ns RETURNING id"
        ),
        {
            "id": outcome.file_id,
            "size": outcome.size,
            "modified_ns": outcome.modified_ns,
            "status": Status.UNSUPPORTED if outcome.unsupported else Status.FAILED,
            "error": outcome.error,
        },
    )
    return list(changed.scalars())


def _identify(connection: Connection, outcome: Outcome) -> list[int]:
    """Tie the file to its content, and refresh every file that shares it."""
    connection.execute(
        text(
            "UPDATE file SET content_id = (SELECT id FROM content WHERE hash = :hash),"
            " identified = 1, attempts = 0 WHERE id = :id AND size = :size"
            " AND modified_ns = :modified_ns"
        ),
        {
            "id": outcome.file_id,
            "size": outcome.size,
            "modified_ns": outcome.modified_ns,
            "hash": outcome.hash,
        },
    )
    changed = connection.execute(
        text(
            "UPDATE file SET status = content.outcome, error = content.error FROM content"
            " WHERE content.hash = :hash AND file.content_id = content.id AND file.identified"
            f" AND file.status <> '{Status.MISSING}' RETURNING file.id"
        ),
        {"hash": outcome.hash},
    )
    return list(changed.scalars())


def _write_content(connection: Connection, pack_id: int, outcome: Outcome) -> None:
    findings = outcome.findings
    values: dict[str, object] = dict.fromkeys(
        (
            *("width", "height", "format", "camera", "taken_at", "taken_offset"),
            *("latitude", "longitude", "sharpness"),
        )
    )
    if findings is None:
        status = Status.UNSUPPORTED if outcome.unsupported else Status.FAILED
    else:
        status = Status.ANALYSED
        metadata = findings.metadata
        values.update(
            width=metadata.width,
            height=metadata.height,
            format=metadata.format,
            camera=metadata.camera,
            taken_at=metadata.taken_at,
            taken_offset=metadata.taken_offset,
            latitude=metadata.latitude,
            longitude=metadata.longitude,
            sharpness=findings.sharpness,
        )
    content_id: int = connection.execute(
        text(
            "INSERT INTO content (hash, size, outcome, error, pack_id, analysed_at, width, height,"
            " format, camera, taken_at, taken_offset, latitude, longitude, sharpness)"
            " VALUES (:hash, :size, :outcome, :error, :pack_id, :now, :width, :height,"
            " :format, :camera, :taken_at, :taken_offset, :latitude, :longitude, :sharpness)"
            " ON CONFLICT (hash) DO UPDATE SET size = excluded.size, outcome = excluded.outcome,"
            " error = excluded.error, pack_id = excluded.pack_id,"
            " analysed_at = excluded.analysed_at, width = excluded.width,"
            " height = excluded.height, format = excluded.format, camera = excluded.camera,"
            " taken_at = excluded.taken_at, taken_offset = excluded.taken_offset,"
            " latitude = excluded.latitude, longitude = excluded.longitude,"
            " sharpness = excluded.sharpness RETURNING id"
        ),
        {
            **values,
            "hash": outcome.hash,
            "size": outcome.size,
            "outcome": status,
            "error": outcome.error,
            "pack_id": pack_id,
            "now": utc_now(),
        },
    ).scalar_one()
    for table in ("content_tag", "content_face", "content_embedding"):
        connection.execute(text(f"DELETE FROM {table} WHERE content_id = :id"), {"id": content_id})
    if findings is not None:
        _write_findings(connection, content_id, pack_id, findings)


def _write_findings(
    connection: Connection, content_id: int, pack_id: int, findings: Findings
) -> None:
    if findings.tags:
        connection.execute(
            text(
                "INSERT INTO content_tag (content_id, tag_id, score)"
                " SELECT :content_id, id, :score FROM tag WHERE name = :name"
            ),
            [
                {"content_id": content_id, "name": tag.name, "score": round(tag.score * 10_000)}
                for tag in findings.tags
            ],
        )
    if findings.faces:
        connection.execute(
            text(
                "INSERT INTO content_face (content_id, number, x, y, width, height, score)"
                " VALUES (:content_id, :number, :x, :y, :width, :height, :score)"
            ),
            [
                {
                    "content_id": content_id,
                    "number": number,
                    "x": face.x,
                    "y": face.y,
                    "width": face.width,
                    "height": face.height,
                    "score": face.score,
                }
                for number, face in enumerate(findings.faces)
            ],
        )
    connection.execute(
        text(
            "INSERT INTO content_embedding (content_id, pack_id, vector)"
            " VALUES (:content_id, :pack_id, :vector)"
        ),
        {"content_id": content_id, "pack_id": pack_id, "vector": findings.embedding},
    )
