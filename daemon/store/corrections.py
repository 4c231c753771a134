"""Tags corrected by hand: what somebody said of some bytes, wherever they lie, stays said."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, text

from scened.errors import BadQuery, MissingPath, NotLookedAt
from scened.store.places import displayed, split
from scened.store.search_index import index_photos

__all__ = ["apply_corrections", "correct", "corrected_scores", "reset"]

CERTAIN = 10_000  # of ten-thousandths, as in content_tag

FILE_AT_PATH = text(
    """
    SELECT file.id, file.identified, content.id AS content_id, content.hash, content.outcome
    FROM file LEFT JOIN content ON content.id = file.content_id
    WHERE root_id = :root_id AND folder = :folder AND name = :name
    """
)

VOCABULARY = text("SELECT name, parent, synonyms FROM tag")

SAY = text(
    """
    INSERT INTO correction (hash, tag, present) VALUES (:hash, :tag, :present)
    ON CONFLICT (hash, tag) DO UPDATE SET present = excluded.present
    """
)

UNSAY = text("DELETE FROM correction WHERE hash = :hash AND tag = :tag AND present = :present")

UNSAY_ALL = text("DELETE FROM correction WHERE hash = :hash")

SAID = text("SELECT tag, present FROM correction WHERE hash = :hash")

HASH_OF = text("SELECT hash FROM content WHERE id = :content_id")

KEEP_SEEN = text(
    """
    INSERT INTO content_tag_seen (content_id, tag_id, score)
    SELECT content_id, tag_id, score FROM content_tag WHERE content_id = :content_id
    """
)

IS_KEPT = text("SELECT 1 FROM content_tag_seen WHERE content_id = :content_id LIMIT 1")

SEEN = text(
    """
    SELECT name, score FROM content_tag_seen JOIN tag ON tag.id = tag_id
    WHERE content_id = :content_id
    """
)

FORGET_SEEN = text("DELETE FROM content_tag_seen WHERE content_id = :content_id")

FORGET_TAGS = text("DELETE FROM content_tag WHERE content_id = :content_id")

WRITE_TAG = text(
    """
    INSERT INTO content_tag (content_id, tag_id, score)
    SELECT :content_id, id, :score FROM tag WHERE name = :name
    """
)

# The files' seq grows, as what is known of them has changed
TOUCH_FILES = text("UPDATE file SET status = status WHERE content_id = :content_id RETURNING id")


class _Content(NamedTuple):
    id: int
    hash: bytes


def correct(
    connection: Connection,
    roots: Mapping[int, bytes],
    path: bytes,
    added: Iterable[str],
    removed: Iterable[str],
) -> int:
    """Add tags to a photo and take others away, for good; return how many files share it.

    `roots` are the watched folders by id. A tag brings what is above it along; one taken away
    takes along what is below it. Raises MissingPath, NotLookedAt, and BadQuery for a word that is
    none of the library's tags or their synonyms.
    """
    content = _content(connection, roots, path)
    parents, names = _vocabulary(connection)
    for word in removed:
        tag = _tag(word, names)
        for below in parents:
            if tag in _line(below, parents):
                _unsay(connection, content, below, present=True)
        connection.execute(SAY, {"hash": content.hash, "tag": tag, "present": False})
    for word in added:
        tag = _tag(word, names)
        for above in _line(tag, parents):
            _unsay(connection, content, above, present=False)
        connection.execute(SAY, {"hash": content.hash, "tag": tag, "present": True})
    if not connection.execute(IS_KEPT, {"content_id": content.id}).scalar():
        connection.execute(KEEP_SEEN, {"content_id": content.id})
    return _rewrite(connection, content)


def reset(connection: Connection, roots: Mapping[int, bytes], path: bytes) -> int:
    """Go back to what the network saw in a photo; return how many files share it.

    Raises MissingPath or NotLookedAt.
    """
    content = _content(connection, roots, path)
    connection.execute(UNSAY_ALL, {"hash": content.hash})
    if not connection.execute(IS_KEPT, {"content_id": content.id}).scalar():
        connection.execute(KEEP_SEEN, {"content_id": content.id})
    return _rewrite(connection, content)


def apply_corrections(connection: Connection, content_id: int) -> None:
    """Correct the tags that were written just now, where somebody has said otherwise before."""
    connection.execute(FORGET_SEEN, {"content_id": content_id})
    digest = connection.execute(HASH_OF, {"content_id": content_id}).scalar_one()
    if connection.execute(SAID, {"hash": digest}).first() is not None:
        connection.execute(KEEP_SEEN, {"content_id": content_id})
        _write(connection, _Content(content_id, digest))


def corrected_scores(
    seen: Mapping[str, int], said: Mapping[str, bool], parents: Mapping[str, str | None]
) -> dict[str, int]:
    """Return the scores of tags, given those seen, what was said of tags, and what is above each.

    A tag that was said has the highest score, and so has all that is above it. What was denied is
    gone with all that is below it, and so is what only that had brought about: a tag whose score
    was that of something below it, now gone.
    """
    denied = {tag for tag, present in said.items() if not present}
    scores = {tag: score for tag, score in seen.items() if denied.isdisjoint(_line(tag, parents))}
    # from the bottom up, so that each sees its children as they will be
    for tag in sorted(scores, key=lambda tag: -len(_line(tag, parents))):
        children = [child for child in seen if parents.get(child) == tag]
        if any(seen[child] == seen[tag] and scores.get(child) != seen[child] for child in children):
            rest = [scores[child] for child in children if child in scores]
            if rest:
                scores[tag] = max(rest)
            else:
                del scores[tag]
    for tag, present in said.items():
        if present:
            scores.update(dict.fromkeys(_line(tag, parents), CERTAIN))
    return scores


def _content(connection: Connection, roots: Mapping[int, bytes], path: bytes) -> _Content:
    for root_id, root in roots.items():
        parts = split(root, path)
        row = (
            parts
            and connection.execute(
                FILE_AT_PATH, {"root_id": root_id, "folder": parts[0], "name": parts[1]}
            ).one_or_none()
        )
        if row and row.identified and row.outcome == "analysed":
            return _Content(row.content_id, row.hash)
        if row:
            raise NotLookedAt(
                f"{displayed(path)} was not looked at yet, or could not be",
                "`scened show` says why",
            )
    raise MissingPath(f"{displayed(path)} is not in the library", "`scened add` its folder first")


def _rewrite(connection: Connection, content: _Content) -> int:
    _write(connection, content)
    if connection.execute(SAID, {"hash": content.hash}).first() is None:
        connection.execute(FORGET_SEEN, {"content_id": content.id})
    files = list(connection.execute(TOUCH_FILES, {"content_id": content.id}).scalars())
    index_photos(connection, files)
    return len(files)


def _write(connection: Connection, content: _Content) -> None:
    """Write the tags of a content from those seen and what was said."""
    seen = {row.name: row.score for row in connection.execute(SEEN, {"content_id": content.id})}
    said = {row.tag: bool(row.present) for row in connection.execute(SAID, {"hash": content.hash})}
    parents, _ = _vocabulary(connection)
    connection.execute(FORGET_TAGS, {"content_id": content.id})
    rows = [
        {"content_id": content.id, "name": name, "score": score}
        for name, score in corrected_scores(seen, said, parents).items()
    ]
    if rows:
        connection.execute(WRITE_TAG, rows)


def _unsay(connection: Connection, content: _Content, tag: str, *, present: bool) -> None:
    connection.execute(UNSAY, {"hash": content.hash, "tag": tag, "present": present})


def _vocabulary(connection: Connection) -> tuple[dict[str, str | None], dict[str, str]]:
    """Return what is above each tag, and the tag that each name or synonym means."""
    parents: dict[str, str | None] = {}
    names: dict[str, str] = {}
    for row in connection.execute(VOCABULARY):
        parents[row.name] = row.parent
        for synonym in filter(None, row.synonyms.split(", ")):
            names.setdefault(synonym.casefold(), row.name)
    names.update({name.casefold(): name for name in parents})
    return parents, names


def _tag(word: str, names: Mapping[str, str]) -> str:
    found = names.get(" ".join(word.casefold().split()))
    if found is None:
        similar = difflib.get_close_matches(word.casefold(), sorted(names))
        raise BadQuery(
            f"there is no tag {word!r}",
            f"did you mean {', '.join(similar)}?" if similar else "tags are those of the packs",
        )
    return found


def _line(tag: str, parents: Mapping[str, str | None]) -> list[str]:
    """Return a tag and all that is above it."""
    line = [tag]
    while (parent := parents.get(line[-1])) is not None and parent not in line:
        line.append(parent)
    return line
