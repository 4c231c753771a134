"""What readers ask: one photo, photos with certain tags, how things stand."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, bindparam, text

from scened.findings import Face
from scened.store.heartbeat import Pulse, count_photos
from scened.store.places import split
from scened.store.roots import covering_root

__all__ = [
    "FailedPhoto",
    "Found",
    "Photo",
    "PhotoTag",
    "TagCount",
    "UnknownWord",
    "find_photo",
    "frequent_tags",
    "not_analysed",
    "photo",
    "pulse",
    "search_tags",
]


class PhotoTag(msgspec.Struct, frozen=True):
    """A tag of a photo; `score` is its calibrated probability, 0..1."""

    tag: str
    score: float
    kind: str


class Photo(msgspec.Struct, frozen=True):
    """Everything the contract says of one photo, but for its embedding."""

    id: int
    seq: int
    path: str
    root: str
    file_size: int
    modified_at: str | None
    taken_at: str | None
    taken_offset: str | None
    width: int | None
    height: int | None
    format: str | None
    camera: str | None
    latitude: float | None
    longitude: float | None
    content_hash: str | None
    stack_id: int | None
    status: str
    error: str | None
    analysed_at: str | None
    pack: str | None
    sharpness: float | None
    tags: tuple[PhotoTag, ...]
    faces: tuple[Face, ...]


class Found(msgspec.Struct, frozen=True):
    """A photo that a search found, and how well it fits, 0..1."""

    id: int
    path: str
    score: float
    tags: tuple[str, ...]


class FailedPhoto(msgspec.Struct, frozen=True):
    """A photo that has no findings, and why.

    `transient`: the disk or its permissions were the reason, and it is tried again by itself.
    Others are tried again with a newer decoder, other limits, or on request.
    """

    path: str
    status: str
    error: str | None
    transient: bool


class TagCount(msgspec.Struct, frozen=True):
    """How many photos carry a tag."""

    tag: str
    kind: str
    photos: int


class UnknownWord(msgspec.Struct, frozen=True):
    """A word that is no tag of this library's pack, and tags that are written like it."""

    word: str
    similar: tuple[str, ...]


def find_photo(connection: Connection, path: bytes) -> int | None:
    """Return the id of the photo at an absolute path, or None where none is known."""
    root = covering_root(connection, path)
    parts = split(root.path, path) if root is not None else None
    if root is None or parts is None:
        return None
    found: int | None = connection.execute(
        text("SELECT id FROM file WHERE root_id = :root_id AND folder = :folder AND name = :name"),
        {"root_id": root.id, "folder": parts[0], "name": parts[1]},
    ).scalar()
    return found


def photo(connection: Connection, photo_id: int) -> Photo:
    """Return all that is known of a photo, its tags best first."""
    row = connection.execute(text("SELECT * FROM photos WHERE id = :id"), {"id": photo_id}).one()
    tags = connection.execute(
        text(
            "SELECT tag, score, kind FROM photo_tags WHERE photo_id = :id ORDER BY score DESC, tag"
        ),
        {"id": photo_id},
    )
    faces = connection.execute(
        text("SELECT x, y, width, height, score FROM faces WHERE photo_id = :id ORDER BY id"),
        {"id": photo_id},
    )
    columns = {name: value for name, value in row._mapping.items() if name != "path_bytes"}
    return Photo(
        **columns,
        tags=tuple(PhotoTag(*found) for found in tags),
        faces=tuple(Face(*found) for found in faces),
    )


def search_tags(
    connection: Connection, words: Sequence[str], limit: int
) -> list[Found] | UnknownWord:
    """Return the photos that carry tags for every word, best first.

    A word means each tag whose name or synonym holds it, singular or plural; as ancestors are
    stored with every photo, `dog` finds golden retrievers. A photo fits as well as the word
    that fits it least.
    """
    names = _tag_names(connection)
    meant: dict[tuple[int, ...], None] = {}  # in order, each once
    for word in words:
        tag_ids = tuple(tag_id for tag_id, spoken in names if _holds(spoken, word))
        if not tag_ids:
            known = sorted({phrase for _, spoken in names for phrase in spoken})
            return UnknownWord(word, tuple(difflib.get_close_matches(word.lower(), known)))
        meant[tag_ids] = None
    scores = " UNION ALL ".join(
        f"SELECT content_id, max(score) AS score FROM content_tag WHERE tag_id IN :tags{n}"
        " GROUP BY content_id"
        for n in range(len(meant))
    )
    rows = connection.execute(
        text(
            "SELECT file.id, photos.path, fit FROM file JOIN photos ON photos.id = file.id JOIN ("
            f" SELECT content_id, min(score) / 10000.0 AS fit FROM ({scores})"
            " GROUP BY content_id HAVING count(*) = :words"
            ") AS found ON found.content_id = file.content_id"
            " ORDER BY fit DESC, file.modified_ns DESC LIMIT :limit"
        ).bindparams(*(bindparam(f"tags{n}", expanding=True) for n in range(len(meant)))),
        {
            "limit": limit,
            "words": len(meant),
            **{f"tags{n}": tag_ids for n, tag_ids in enumerate(meant)},
        },
    ).all()
    return [Found(row.id, row.path, row.fit, _best_tags(connection, row.id)) for row in rows]


def not_analysed(connection: Connection) -> list[FailedPhoto]:
    """Return the photos that failed or need a codec, by path."""
    rows = connection.execute(
        text(
            "SELECT path, photos.status, photos.error, transient"
            " FROM photos JOIN file ON file.id = photos.id"
            " WHERE photos.status IN ('failed', 'unsupported') ORDER BY path"
        )
    )
    return [FailedPhoto(row.path, row.status, row.error, bool(row.transient)) for row in rows]


def frequent_tags(connection: Connection, limit: int) -> list[TagCount]:
    """Return the tags that most photos carry."""
    rows = connection.execute(
        text(
            "SELECT name, kind, photos FROM tags WHERE photos > 0"
            " ORDER BY photos DESC, name LIMIT :limit"
        ),
        {"limit": limit},
    )
    return [TagCount(row.name, row.kind, row.photos) for row in rows]


def pulse(connection: Connection) -> Pulse:
    """Return what the daemon last said of itself, with the counts as they are now."""
    row = connection.execute(text("SELECT * FROM daemon")).one()
    pack_id = connection.execute(
        text("SELECT id FROM pack WHERE identity = :pack"), {"pack": row.pack}
    ).scalar()
    return Pulse(
        pid=row.pid,
        version=row.version or "",
        state=row.state,
        reason=row.reason,
        counts=count_photos(connection, pack_id),
        rate=row.rate,
        eta_seconds=row.eta_seconds,
        pack=row.pack,
    )


def _tag_names(connection: Connection) -> list[tuple[int, tuple[str, ...]]]:
    rows = connection.execute(text("SELECT id, name, synonyms FROM tag"))
    return [
        (row.id, (row.name, *(row.synonyms.split(", ") if row.synonyms else ()))) for row in rows
    ]


def _holds(spoken: tuple[str, ...], word: str) -> bool:
    wanted = _singulars(word.lower())
    return any(
        phrase.lower() in wanted or wanted & _singulars(part)
        for phrase in spoken
        for part in re.findall(r"\w+", phrase.lower())
    )


def _singulars(word: str) -> set[str]:
    """Return a word and what it may be the plural of, without knowing which it is."""
    forms = {word}
    if len(word) > 3:
        forms |= {word.removesuffix("s"), word.removesuffix("es")}
        if word.endswith("ies"):
            forms.add(word[:-3] + "y")
    return forms


def _best_tags(connection: Connection, photo_id: int) -> tuple[str, ...]:
    rows = connection.execute(
        text("SELECT tag FROM photo_tags WHERE photo_id = :id ORDER BY score DESC, tag LIMIT 5"),
        {"id": photo_id},
    )
    return tuple(rows.scalars())
