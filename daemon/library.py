"""`scened.Library`: a library of photos to ask, from any Python program, without a daemon."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from scened.analysis.appearance import difference_hashes, embedding
from scened.config import default_database
from scened.errors import BadQuery, DamagedPack, MissingPath, NoEmbedding
from scened.findings import Face
from scened.models.pack import EMBEDDING_DIMENSIONS, Pack, open_pack
from scened.packs import Packs
from scened.records import Change, Duplicates, Found, Photo, Results, Stats, TagCount
from scened.search.describe import count_all, describe_found, faces_of, tag_counts
from scened.search.duplicates import ALIKE, exact_groups, near_groups
from scened.search.filters import FROM_FILES, NO_FILTERS, Condition, Filters, newest_photos
from scened.search.fusion import fuse
from scened.search.known import known_photos
from scened.search.names import PhotoName, exact_path, photo_id_of
from scened.search.query import Query, parse_query
from scened.search.words import WordSearch
from scened.store.recognition import open_plainly

if TYPE_CHECKING:  # numpy is loaded by those who search by meaning or likeness
    from scened.search.meaning import Meaning
    from scened.search.vectors import Vectors

__all__ = ["By", "Library", "PhotoName"]

By = Literal["tags", "meaning"]

LIMIT = 50
FUSED = 4  # times as many of each list as are wanted of both
CHANGES_AT_ONCE = 1_000
PHOTOS_AT_ONCE = 500
FOLLOW_SECONDS = 1.0

CHANGES = """
    SELECT seq, id, path, status FROM photos WHERE seq > :since
    UNION ALL
    SELECT seq, photo_id, NULL, NULL FROM removed WHERE seq > :since
    ORDER BY seq LIMIT :most
"""


class _Appearance(NamedTuple):
    """What a photo looks like to a pack; without an id it is not in the library."""

    photo_id: int | None
    pack: str
    vector: bytes


class Library:
    """A library open for reading; what is asked at once is answered from one state of it.

    The daemon may run or not, and write meanwhile. One thread at a time may use a library; as
    many libraries as one likes may be open on one file. Every method raises `ScenedError` with a
    line that can be shown to users.
    """

    def __init__(
        self, file: Path, connection: sqlite3.Connection, pack_folder: Path | None
    ) -> None:
        self.file = file
        self._connection = connection
        self._pack_folder = pack_folder
        self._words: tuple[object, WordSearch] | None = None
        self._pack: Pack | None = None
        self._meaning: Meaning | None = None
        self._vectors: dict[str, Vectors] = {}

    @classmethod
    def open(cls, path: str | os.PathLike[str] | None = None, pack: Path | None = None) -> Library:
        """Open the database at `path`, or where scened keeps it unless told otherwise.

        `pack` is the folder of the pack that understands queries, unless it is the one in use.
        Raises MissingPath, ForeignDatabase, NewerDatabase or ReadFailed.
        """
        file = Path(path or os.environ.get("SCENED_DB") or default_database()).absolute()
        return cls(file, open_plainly(file), pack)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_failure: object) -> None:
        self.close()

    def search(
        self,
        query: str = "",
        *,
        by: By | None = None,
        filters: Filters = NO_FILTERS,
        limit: int = LIMIT,
    ) -> Results:
        """Find photos by words and by what they mean, best first.

        `by` asks for one of the two alone: `tags` (with names, camera, dates) or `meaning`.
        Without words the filters alone decide, newest first. Raises BadQuery where there are
        neither, and NoEmbedding where meaning alone was asked for and cannot be had.
        """
        wanted = parse_query(query)
        if not (wanted.terms or wanted.excluded or filters != NO_FILTERS):
            raise BadQuery(
                "there is nothing to search for", "say a word, or a filter such as --from"
            )
        with self._one_state():
            words = self._word_search()
            condition = self._condition(filters, words.excluding(wanted))
            if not wanted.terms:
                newest = newest_photos(self._connection, condition, limit)
                return Results(
                    describe_found(
                        self._connection, [(photo_id, 1.0) for photo_id in newest], {}, {}
                    )
                )
            if by == "tags":
                return self._by_tags(words, wanted, condition, filters.least_score, limit)
            if by == "meaning":
                likeness = self._by_meaning(wanted, condition, limit, outstanding=False)
                ranked = _at_least(filters.least_score, likeness)
                return Results(describe_found(self._connection, ranked, {}, dict(ranked)))
            return self._by_both(words, wanted, condition, filters.least_score, limit)

    def similar(
        self,
        photos: Sequence[PhotoName],
        *,
        unlike: Sequence[PhotoName] = (),
        filters: Filters = NO_FILTERS,
        limit: int = LIMIT,
    ) -> list[Found]:
        """Find the photos that look most like some, and least like others; these are left out.

        A photo is its id or its path; a picture that is not in the library, or not analysed yet,
        is looked at now, in a process of its own. Raises MissingPath where there is none,
        NoEmbedding where there is nothing to compare it with, ScenedError where it cannot be read.
        """
        from scened.search.likeness import between, nearest_photos, unit_of

        if not photos:
            raise BadQuery("there is no photo to compare with", "name one")
        with self._one_state():
            like = [self._appearance(photo) for photo in photos]
            away = [self._appearance(photo) for photo in unlike]
            packs = {each.pack for each in (*like, *away)}
            if len(packs) > 1:
                raise NoEmbedding(
                    f"different packs looked at these photos: {', '.join(sorted(packs))}",
                    "wait until `scened run` has looked at all of them again",
                )
            given = {each.photo_id for each in (*like, *away)}
            ranked = nearest_photos(
                self._connection,
                self._vectors_of(packs.pop()),
                between(
                    [unit_of(each.vector) for each in like], [unit_of(each.vector) for each in away]
                ),
                self._condition(filters),
                limit + len(given),
            )
            ranked = _at_least(filters.least_score, ranked)
            others = [each for each in ranked if each[0] not in given][:limit]
            return list(describe_found(self._connection, others, {}, dict(others)))

    def duplicates(self, *, near: bool = True) -> list[Duplicates]:
        """Return photos that are the same bytes, and with `near` those that show the same.

        The latter are sought by their embeddings and confirmed by a difference hash, for which
        they are decoded, in a process of its own. Files that are away are left out. Nothing is
        ever deleted.
        """
        with self._one_state():
            if not near:
                return exact_groups(self._connection)
            (pack,) = self._connection.execute(
                "SELECT identity FROM pack JOIN content_embedding ON pack_id = pack.id"
                " ORDER BY content_id DESC LIMIT 1"
            ).fetchone() or (None,)
            alike = self._vectors_of(pack).pairs(ALIKE) if pack else ()
            return near_groups(self._connection, alike, difference_hashes)

    def photo(self, photo: PhotoName) -> Photo:
        """Return all that is known of a photo, its tags best first. Raises MissingPath."""
        with self._one_state():
            return known_photos(self._connection, [photo_id_of(self._connection, photo)])[0]

    def photos(self, filters: Filters = NO_FILTERS) -> Iterator[Photo]:
        """Yield all that is known of every photo that passes the filters, in one consistent read.

        The read lasts as long as the iterator: what the daemon writes meanwhile is not in it. Of
        the filters all count but `least_score`.
        """
        condition = self._condition(filters)
        with closing(open_plainly(self.file)) as connection:
            connection.execute("BEGIN")
            ids = [
                row[0]
                for row in connection.execute(
                    f"SELECT file.id {FROM_FILES} WHERE {condition.sql} ORDER BY file.id",
                    condition.values,
                )
            ]
            for start in range(0, len(ids), PHOTOS_AT_ONCE):
                yield from known_photos(connection, ids[start : start + PHOTOS_AT_ONCE])

    def faces(self, photo: PhotoName) -> tuple[Face, ...]:
        """Return the faces in a photo, best first. Raises MissingPath."""
        with self._one_state():
            return faces_of(self._connection, photo_id_of(self._connection, photo))

    def exact_paths(self, photo_ids: Sequence[int]) -> list[bytes]:
        """Return the exact paths of photos, in their order; those no longer known are left out."""
        rows: dict[int, bytes] = dict(
            self._connection.execute(
                "SELECT id, path_bytes FROM photos WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(photo_ids)),),
            ).fetchall()
        )
        return [rows[photo_id] for photo_id in photo_ids if photo_id in rows]

    def tags(self) -> list[TagCount]:
        """Return the tags that photos carry, the most frequent first."""
        return tag_counts(self._connection)

    def stats(self) -> Stats:
        """Count the photos: by status, year, format, camera, faces and tags."""
        with self._one_state():
            return count_all(self._connection)

    def changes(self, since: int = 0, most: int = CHANGES_AT_ONCE) -> list[Change]:
        """Return what happened after a cursor, in order; the last `seq` is the next cursor.

        A photo that changed several times comes once, as it is now.
        """
        rows = self._connection.execute(CHANGES, {"since": since, "most": most})
        return [Change(*row) for row in rows]

    def watch_changes(
        self, since: int = 0, *, wait: Callable[[float], object] = time.sleep
    ) -> Iterator[Change]:
        """Yield what happened after a cursor, and go on for ever as more happens.

        Between looks it calls `wait` with the seconds to wait, such as an event's own `wait`;
        raising StopIteration there, or closing the iterator, ends it.
        """
        while True:
            seen = self._data_version()
            while changes := self.changes(since):
                yield from changes
                since = changes[-1].seq
            while self._data_version() == seen:
                try:
                    wait(FOLLOW_SECONDS)
                except StopIteration:
                    return

    def _by_tags(
        self, words: WordSearch, wanted: Query, condition: Condition, least: float, limit: int
    ) -> Results:
        unknown = words.unknown(wanted)
        ranked = _at_least(least, words.rank(wanted, unknown, condition, limit))
        return Results(describe_found(self._connection, ranked, dict(ranked), {}), unknown)

    def _by_both(
        self, words: WordSearch, wanted: Query, condition: Condition, least: float, limit: int
    ) -> Results:
        try:
            likeness = self._by_meaning(wanted, condition, FUSED * limit, outstanding=True)
        except (NoEmbedding, DamagedPack, MissingPath) as reason:
            by_tags = self._by_tags(words, wanted, condition, least, limit)
            return Results(by_tags.photos, by_tags.unknown_words, str(reason))
        unknown = words.unknown(wanted)
        by_words = words.rank(wanted, unknown, condition, FUSED * limit)
        rankings = [_at_least(least, by_words), _at_least(least, likeness)]
        # where tags know only some of the words, what they find may miss the point
        known = 1 - len(unknown) / len(wanted.terms)
        ids = [[photo_id for photo_id, _ in ranking] for ranking in rankings]
        ranked = fuse(ids, (known, 1))[:limit]
        return Results(
            describe_found(self._connection, ranked, dict(by_words), dict(likeness)), unknown
        )

    def _by_meaning(
        self, wanted: Query, condition: Condition, limit: int, *, outstanding: bool
    ) -> list[tuple[int, float]]:
        """Return photo ids by the cosine of their embedding and the query's.

        Raises NoEmbedding where pack, library and query do not give both.
        """
        from scened.search.meaning import Meaning

        if self._meaning is None:
            self._meaning = Meaning(self._opened_pack())
        return self._meaning.nearest(
            self._connection,
            self._vectors_of(self._meaning.pack),
            wanted.text,
            condition,
            limit,
            outstanding=outstanding,
        )

    def _opened_pack(self) -> Pack:
        if self._pack is None and self._pack_folder is not None:
            self._pack = open_pack(self._pack_folder)
        elif self._pack is None:
            packs = Packs(self.file)
            self._pack = packs.open(packs.active())
        return self._pack

    def _vectors_of(self, pack: str) -> Vectors:
        """Return what a pack made, as it is now. Raises NoEmbedding where that is nothing."""
        from scened.search.vectors import Vectors, side_file

        if pack not in self._vectors:
            file = side_file(self.file, pack)
            self._vectors[pack] = Vectors(file, pack, EMBEDDING_DIMENSIONS)
        vectors = self._vectors[pack]
        vectors.refresh(self._connection)
        if not len(vectors):
            raise NoEmbedding(f"no photo was looked at with the pack {pack}")
        return vectors

    def _appearance(self, photo: PhotoName) -> _Appearance:
        """Return a photo's embedding, made now where a path leads to no analysed photo."""
        photo_id = None
        try:
            photo_id = photo_id_of(self._connection, photo)
        except MissingPath:
            if isinstance(photo, int) or not os.path.exists(os.fsdecode(photo)):  # noqa: PTH110
                raise
        row = self._connection.execute(
            "SELECT pack, vector FROM embeddings WHERE photo_id = ?", (photo_id,)
        ).fetchone()
        if row is not None:
            return _Appearance(photo_id, row[0], row[1])
        if isinstance(photo, int):
            raise NoEmbedding(f"the photo {photo} was not analysed", "`scened show` says why")
        pack = self._opened_pack()
        return _Appearance(photo_id, pack.identity, embedding(exact_path(photo), pack.folder))

    def _condition(self, filters: Filters, excluded: str | None = None) -> Condition:
        """Return filters as SQL. Raises BadQuery for what this library does not know."""
        if filters.rating is not None:
            has_ratings = self._connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'sidecar'"
            ).fetchone()
            if not has_ratings:
                raise BadQuery(
                    "an older scened wrote this library, which read no ratings",
                    "`scened run` brings it up to date",
                )
        return Condition.of(filters, excluded)

    def _word_search(self) -> WordSearch:
        """Return the search by words, made anew where the library's words have changed."""
        version = self._connection.execute(
            "SELECT (SELECT pack FROM daemon), (SELECT count(*) FROM tag),"
            " (SELECT group_concat(path_text) FROM root)"
        ).fetchone()
        if self._words is None or self._words[0] != version:
            self._words = (version, WordSearch(self._connection))
        return self._words[1]

    @contextmanager
    def _one_state(self) -> Iterator[None]:
        """Answer all questions inside from one state of the database."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("COMMIT")

    def _data_version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])


def _at_least(least: float, ranked: list[tuple[int, float]]) -> list[tuple[int, float]]:
    # a likeness may be below nought, which no filter asked to leave out
    return [each for each in ranked if not least or each[1] >= least]
