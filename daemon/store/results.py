"""What was seen in photos: written once for each content, whatever paths lead to it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, text

from scened.clock import utc_now
from scened.findings import Findings, Metadata, Outcome
from scened.models.pack import Pack
from scened.store.corrections import apply_corrections
from scened.store.queue import ATTEMPTS
from scened.store.schema import Status
from scened.store.search_index import index_photos

__all__ = ["activate_pack", "count_crash", "drop_orphans", "record", "switch_faces"]

WITHOUT_FACES = "looked at without faces"  # the pack of what is looked at again for its faces

# Only for the very size and time the analyzer saw
AS_SEEN = "id = :file_id AND size = :size AND modified_ns = :modified_ns"

IN_FORCE = "file.identified AND file.status <> 'missing'"

KNOW_PACK = text("INSERT INTO pack (identity) VALUES (:identity) ON CONFLICT DO NOTHING")

PACK_ID = text("SELECT id FROM pack WHERE identity = :identity")

KNOW_TAG = text(
    """
    INSERT INTO tag (name, kind, parent, synonyms) VALUES (:name, :kind, :parent, :synonyms)
    ON CONFLICT (name) DO UPDATE SET
        kind = excluded.kind, parent = excluded.parent, synonyms = excluded.synonyms
    """
)

WRITE_CONTENT = text(
    """
    INSERT INTO content (
        hash, size, outcome, error, decoder, faceless, pack_id, analysed_at,
        width, height, format, camera, taken_at, taken_offset, latitude, longitude, sharpness,
        rating
    )
    VALUES (
        :hash, :size, :outcome, :error, :decoder, :faceless, :pack_id, :now,
        :width, :height, :format, :camera,
        :taken_at, :taken_offset, :latitude, :longitude, :sharpness, :rating
    )
    ON CONFLICT (hash) DO UPDATE SET
        size = excluded.size, outcome = excluded.outcome, error = excluded.error,
        decoder = excluded.decoder, faceless = excluded.faceless,
        pack_id = excluded.pack_id, analysed_at = excluded.analysed_at,
        width = excluded.width, height = excluded.height, format = excluded.format,
        camera = excluded.camera, taken_at = excluded.taken_at,
        taken_offset = excluded.taken_offset, latitude = excluded.latitude,
        longitude = excluded.longitude, sharpness = excluded.sharpness, rating = excluded.rating
    RETURNING id
    """
)

FORGET_FINDINGS = tuple(
    text(f"DELETE FROM {table} WHERE content_id = :content_id")
    for table in (
        "content_tag",
        "content_tag_seen",
        "content_face",
        "content_embedding",
        "content_keyword",
    )
)

WRITE_TAG = text(
    """
    INSERT INTO content_tag (content_id, tag_id, score)
    SELECT :content_id, id, :score FROM tag WHERE name = :name
    """
)

WRITE_FACE = text(
    """
    INSERT INTO content_face (content_id, number, x, y, width, height, score)
    VALUES (:content_id, :number, :x, :y, :width, :height, :score)
    """
)

WRITE_KEYWORD = text(
    "INSERT INTO content_keyword (content_id, keyword) VALUES (:content_id, :keyword)"
)

WRITE_EMBEDDING = text(
    """
    INSERT INTO content_embedding (content_id, pack_id, vector)
    VALUES (:content_id, :pack_id, :vector)
    """
)

IDENTIFY_FILE = text(
    f"""
    UPDATE file SET
        content_id = (SELECT id FROM content WHERE hash = :hash), identified = 1,
        attempts = 0, setback = NULL, transient = 0
    WHERE {AS_SEEN}
    """
)

# A file that is away, or was changed since, keeps its status; its seq grows all the same, as
# what is known of it has changed
REFRESH_FILES_OF_CONTENT = text(
    f"""
    UPDATE file SET
        status = CASE WHEN {IN_FORCE} THEN content.outcome ELSE status END,
        error = CASE WHEN {IN_FORCE} THEN content.error ELSE file.error END
    FROM content
    WHERE content.hash = :hash AND file.content_id = content.id
        AND (:news OR file.id = :file_id)
    RETURNING file.id
    """
)

SET_FILE_ASIDE = text(
    f"""
    UPDATE file SET
        status = :status, error = :error, setback = :setback, transient = :transient,
        decoder = :decoder, identified = 0
    WHERE {AS_SEEN}
    RETURNING id
    """
)

COUNT_CRASH = text("UPDATE file SET attempts = attempts + 1 WHERE id = :file_id RETURNING attempts")

SEE_FACES_AGAIN = text(
    """
    UPDATE content SET pack_id = (SELECT id FROM pack WHERE identity = :identity), faceless = 0
    WHERE faceless
    """
)

DELETE_ORPHANS = text(
    """
    DELETE FROM content
    WHERE NOT EXISTS (SELECT 1 FROM file WHERE file.content_id = content.id)
    """
)


def activate_pack(connection: Connection, pack: Pack) -> int:
    """Make the pack's name and words known to the database, and return the pack's row id."""
    connection.execute(KNOW_PACK, {"identity": pack.identity})
    connection.execute(
        KNOW_TAG,
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
    return int(connection.execute(PACK_ID, {"identity": pack.identity}).scalar_one())


def record(
    connection: Connection,
    pack_id: int,
    outcomes: Iterable[Outcome],
    decoder: str | None = None,
    *,
    faces: bool = True,
) -> list[int]:
    """Write what looks at photos came to; return the ids of the photos that changed.

    `decoder`: what decoded them, remembered of failures, so that a newer one tries again.
    `faces`: whether the faces that were found are kept.
    An outcome counts only for the very size and time the analyzer saw: where the file was
    changed meanwhile, its row stays pending and is looked at again.
    """
    changed: list[int] = []
    for outcome in outcomes:
        if outcome.hash is None:
            changed += _set_aside(connection, outcome, decoder)
            continue
        if outcome.findings is not None or outcome.error is not None:
            content_id = _write_content(connection, pack_id, outcome, decoder, faceless=not faces)
            if outcome.findings is not None:
                _write_findings(connection, content_id, pack_id, outcome.findings, faces=faces)
        changed += _identify(connection, outcome)
    index_photos(connection, changed)
    return changed


def count_crash(
    connection: Connection,
    pack_id: int,
    outcome: Outcome,
    decoder: str | None = None,
    *,
    final: bool = False,
) -> None:
    """Count a look that the analyzer did not survive; quarantine the photo after the third.

    After the first, where it is `final`: every further look would end alike. `outcome` tells
    what is known of the photo, and why the analyzer ended. With a hash, the quarantine is that
    of the content, whatever name it has or gets.
    """
    crashes = connection.execute(COUNT_CRASH, {"file_id": outcome.file_id}).scalar() or 0
    if final:
        record(connection, pack_id, [outcome], decoder)
    elif crashes >= ATTEMPTS:
        error = f"{outcome.error} ({crashes} times)"
        record(connection, pack_id, [msgspec.structs.replace(outcome, error=error)], decoder)


def switch_faces(connection: Connection, wanted: bool) -> int:
    """Remove all faces, or have those contents looked at again that were seen without.

    Returns how many contents lost their faces.
    """
    if not wanted:
        connection.execute(text("UPDATE content SET faceless = 1 WHERE NOT faceless"))
        return connection.execute(text("DELETE FROM content_face")).rowcount
    if connection.execute(text("SELECT 1 FROM content WHERE faceless LIMIT 1")).scalar():
        # as if an older pack had seen them: their results stay until new ones replace them
        connection.execute(KNOW_PACK, {"identity": WITHOUT_FACES})
        connection.execute(SEE_FACES_AGAIN, {"identity": WITHOUT_FACES})
    return 0


def drop_orphans(connection: Connection) -> int:
    """Delete what is known of contents that no file has any more; return how many."""
    return connection.execute(DELETE_ORPHANS).rowcount


def _set_aside(connection: Connection, outcome: Outcome, decoder: str | None) -> list[int]:
    """Note why a file could not even be read to its end."""
    values = {
        **_as_seen(outcome),
        "status": _status(outcome),
        "error": outcome.error,
        # an unsupported name says nothing of the content, which may get another one
        "setback": None if outcome.unsupported else outcome.error,
        "transient": outcome.transient,
        "decoder": decoder,
    }
    return list(connection.execute(SET_FILE_ASIDE, values).scalars())


def _identify(connection: Connection, outcome: Outcome) -> list[int]:
    """Tie the file to its content; where there is news of that, refresh all files that share it."""
    news = outcome.findings is not None or outcome.error is not None
    values = {**_as_seen(outcome), "hash": outcome.hash, "news": news}
    connection.execute(IDENTIFY_FILE, values)
    return list(connection.execute(REFRESH_FILES_OF_CONTENT, values).scalars())


def _write_content(
    connection: Connection, pack_id: int, outcome: Outcome, decoder: str | None, *, faceless: bool
) -> int:
    """Write the content's own row, free it from older findings, and return its id."""
    findings = outcome.findings
    content_id: int = connection.execute(
        WRITE_CONTENT,
        {
            "hash": outcome.hash,
            "size": outcome.size,
            "outcome": _status(outcome),
            "error": outcome.error,
            "decoder": decoder,
            "faceless": faceless,
            "pack_id": pack_id,
            "now": utc_now(),
            "sharpness": findings.sharpness if findings else None,
            **_columns(findings.metadata if findings else None),
        },
    ).scalar_one()
    for statement in FORGET_FINDINGS:
        connection.execute(statement, {"content_id": content_id})
    return content_id


def _write_findings(
    connection: Connection, content_id: int, pack_id: int, findings: Findings, *, faces: bool
) -> None:
    if findings.tags:
        tags = [
            {"content_id": content_id, "name": tag.name, "score": round(tag.score * 10_000)}
            for tag in findings.tags
        ]
        connection.execute(WRITE_TAG, tags)
        apply_corrections(connection, content_id)
    if findings.metadata.keywords:
        keywords = [
            {"content_id": content_id, "keyword": keyword} for keyword in findings.metadata.keywords
        ]
        connection.execute(WRITE_KEYWORD, keywords)
    if faces and findings.faces:
        rows = [
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
        ]
        connection.execute(WRITE_FACE, rows)
    connection.execute(
        WRITE_EMBEDDING,
        {"content_id": content_id, "pack_id": pack_id, "vector": findings.embedding},
    )


def _as_seen(outcome: Outcome) -> dict[str, object]:
    return {
        "file_id": outcome.file_id,
        "size": outcome.size,
        "modified_ns": outcome.modified_ns,
    }


def _status(outcome: Outcome) -> Status:
    if outcome.findings is not None:
        return Status.ANALYSED
    return Status.UNSUPPORTED if outcome.unsupported else Status.FAILED


def _columns(metadata: Metadata | None) -> dict[str, object]:
    names = ("width", "height", "format", "camera", "taken_at", "taken_offset")
    others = ("latitude", "longitude", "rating")
    return {name: getattr(metadata, name, None) for name in (*names, *others)}
