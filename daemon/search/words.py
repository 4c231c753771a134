"""Rank photos by words: their tags with what is above them, and their path, camera and date.

Which photos match is FTS5's business; how well is the tags' calibrated probability. Few matches
are all scored; of many, the surest are taken from the index of tags until nothing better can come
(Fagin, Lotem, Naor: Optimal aggregation algorithms for middleware, PODS 2001).
"""

from __future__ import annotations

import difflib
import heapq
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scened.records import UnknownWord
from scened.search.filters import FROM_FILES, Condition
from scened.search.query import Query, quoted

__all__ = ["WordSearch"]

FEW_MATCHES = 5_000  # scored one and all
CERTAIN = 10_000  # the highest score in content_tag
TOKENIZER = "porter unicode61 remove_diacritics 2"  # that of photo_search
NOT_TAGS = "- {tags} : "
ONLY_TAGS = "{tags} : "


@dataclass(frozen=True)
class _Term:
    """A word: the tags it means, and what FTS5 looks for."""

    spoken: str
    tags: tuple[int, ...]
    match: str

    @property
    def scores(self) -> str:
        """Return SQL for the best score of its tags in a content."""
        numbers = ",".join(map(str, self.tags))
        return (
            "coalesce((SELECT max(score) FROM content_tag"
            f" WHERE content_id = file.content_id AND tag_id IN ({numbers})), 0)"
        )

    @property
    def named(self) -> str | None:
        """Return what FTS5 looks for outside of tags, or None where it should not."""
        return None if self.match.startswith(ONLY_TAGS) else NOT_TAGS + quoted(self.spoken)


class WordSearch:
    """The words of one library, seen through one connection.

    What a word means is asked of a small index of all tags and roots in memory, written with the
    tokenizer that wrote `photo_search`, so that both take `puppies` for `puppy`.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        for table in ("tag_words", "root_words"):
            connection.execute(f"DROP TABLE IF EXISTS temp.{table}")
            connection.execute(
                f"CREATE VIRTUAL TABLE temp.{table} USING fts5(words, tokenize = '{TOKENIZER}')"
            )
        connection.execute(
            "INSERT INTO temp.tag_words (rowid, words) SELECT id, name || ', ' || synonyms FROM tag"
        )
        connection.execute(
            "INSERT INTO temp.root_words (rowid, words) SELECT id, path_text FROM root"
        )

    def unknown(self, query: Query) -> tuple[UnknownWord, ...]:
        """Return the words that describe no photo, with tags that are written like them."""
        missing = [term for term in query.terms if not self._matches(quoted(term))]
        if not missing:
            return ()
        rows = self._connection.execute("SELECT name, synonyms FROM tag").fetchall()
        spoken = {name for name, _ in rows}
        spoken |= {word for _, synonyms in rows for word in synonyms.split(", ") if word}
        return tuple(
            UnknownWord(term, tuple(difflib.get_close_matches(term, sorted(spoken - {term}))))
            for term in missing
        )

    def excluding(self, query: Query) -> str | None:
        """Return what FTS5 must not find, or None where nothing is excluded."""
        return " OR ".join(self._term(word).match for word in query.excluded) or None

    def rank(
        self, query: Query, unknown: Iterable[UnknownWord], condition: Condition, limit: int
    ) -> list[tuple[int, float]]:
        """Return photo ids with how well they fit, 0..1, best first, then newest first.

        A photo must match every word that is known, and fits as well as the word that fits it
        least; a path, camera or date that names a word fits wholly.
        """
        left_out = {word.word for word in unknown}
        terms = [self._term(term) for term in query.terms if term not in left_out]
        if not terms:
            return []
        match = " AND ".join(f"({term.match})" for term in terms)
        if not any(term.tags for term in terms):
            best = self._newest(match, condition, limit)
        elif self._is_few(match):
            best = self._score(match, terms, condition, limit)
        else:
            best = self._surest(match, terms, condition, limit)
        return [(photo_id, score / CERTAIN) for photo_id, score in best]

    def _term(self, spoken: str) -> _Term:
        found = self._connection.execute(
            "SELECT rowid FROM temp.tag_words WHERE tag_words MATCH ?", (quoted(spoken),)
        ).fetchall()
        # the folder everything lies in, such as one's own name, tells no photo from another
        everywhere = self._connection.execute(
            "SELECT 1 FROM temp.root_words WHERE root_words MATCH ?", (quoted(spoken),)
        ).fetchone()
        only_tags = ONLY_TAGS if found and everywhere else ""
        return _Term(spoken, tuple(row[0] for row in found), only_tags + quoted(spoken))

    def _is_few(self, match: str) -> bool:
        return len(self._rowids(match, FEW_MATCHES + 1)) <= FEW_MATCHES

    def _matches(self, match: str) -> bool:
        return bool(self._rowids(match, 1))

    def _rowids(self, match: str, limit: int = -1) -> list[int]:
        rows = self._connection.execute(
            "SELECT rowid FROM photo_search WHERE photo_search MATCH ? LIMIT ?", (match, limit)
        )
        return [row[0] for row in rows]

    def _newest(self, match: str, condition: Condition, limit: int) -> list[tuple[int, int]]:
        """Take what was found by name, camera or date: nothing but age tells one from another."""
        rows = self._connection.execute(
            "SELECT file.id FROM photo_search CROSS JOIN file ON file.id = photo_search.rowid"
            " CROSS JOIN root ON root.id = root_id LEFT JOIN content ON content.id = content_id"
            f" WHERE photo_search MATCH :match AND {condition.sql}"
            " ORDER BY photo_search.rowid DESC LIMIT :limit",
            {**condition.values, "match": match, "limit": limit},
        )
        return [(row[0], CERTAIN) for row in rows]

    def _score(
        self, match: str, terms: list[_Term], condition: Condition, limit: int
    ) -> list[tuple[int, int]]:
        """Score every match, or of too many the newest."""
        # min() of one value would be the aggregate
        fits, values = [str(CERTAIN)] * 2, dict(condition.values)
        for number, term in enumerate(terms):
            if not term.tags:
                continue
            fit = term.scores
            if term.named is not None:
                values[f"named{number}"] = f"({term.named}) AND ({match})"
                fit = (
                    "CASE WHEN file.id IN (SELECT rowid FROM photo_search"
                    f" WHERE photo_search MATCH :named{number}) THEN {CERTAIN} ELSE {fit} END"
                )
            fits.append(fit)
        rows = self._connection.execute(
            f"SELECT file.id, min({', '.join(fits)}) AS fit {FROM_FILES} WHERE file.id IN ("
            " SELECT rowid FROM photo_search WHERE photo_search MATCH :match"
            " ORDER BY rowid DESC LIMIT :few"
            f") AND {condition.sql} ORDER BY fit DESC, file.id DESC LIMIT :limit",
            {**values, "match": match, "few": FEW_MATCHES, "limit": limit},
        )
        return [(row[0], row[1]) for row in rows]

    def _surest(
        self, match: str, terms: list[_Term], condition: Condition, limit: int
    ) -> list[tuple[int, int]]:
        """Take photos from the tags' index, surest first, until none that follows can be better."""
        driver, *others = (term for term in terms if term.tags)
        if others:
            driver, *others = sorted((driver, *others), key=self._photos)
        best: dict[int, int] = {}
        if driver.named is not None:  # these are not in the index of tags
            if len(terms) == 1:
                best.update(self._newest(driver.named, condition, limit))
            else:
                named = f"({driver.named}) AND ({match})"
                best.update(self._score(named, terms, condition, limit))
        matching = set(self._rowids(match)) if len(terms) > 1 else None
        named_too = [
            set(self._rowids(f"({term.named}) AND ({match})")) if term.named else set()
            for term in others
        ]
        kept = sorted(best.values())[-limit:]  # a heap: its first is the worst that is kept
        for photo_id, surest, *scores in self._descending(driver, others, condition):
            if len(kept) == limit and kept[0] >= surest:
                break
            if photo_id in best or (matching is not None and photo_id not in matching):
                continue
            fits = (
                CERTAIN if photo_id in named else score
                for score, named in zip(scores, named_too, strict=True)
            )
            best[photo_id] = min(surest, *fits, CERTAIN)
            heapq.heappush(kept, best[photo_id])
            if len(kept) > limit:
                heapq.heappop(kept)
        return heapq.nlargest(limit, best.items(), key=lambda item: (item[1], item[0]))

    def _photos(self, term: _Term) -> int:
        numbers = ",".join(map(str, term.tags))
        (count,) = self._connection.execute(
            f"SELECT count(*) FROM content_tag WHERE tag_id IN ({numbers})"
        ).fetchone()
        return int(count)

    def _descending(
        self, driver: _Term, others: list[_Term], condition: Condition
    ) -> Iterator[tuple[int, ...]]:
        """Yield photo id, score of the driver and scores of the others, by the driver's score."""
        columns = "".join(f", {term.scores}" for term in others)
        each = (
            self._connection.execute(
                f"SELECT file.id, carried.score {columns} FROM content_tag AS carried"
                " CROSS JOIN file ON file.content_id = carried.content_id"
                " CROSS JOIN root ON root.id = root_id"
                " CROSS JOIN content ON content.id = file.content_id"
                f" WHERE carried.tag_id = {tag} AND {condition.sql}"
                " ORDER BY carried.score DESC, carried.content_id DESC",
                condition.values,
            )
            for tag in driver.tags
        )
        yield from heapq.merge(*each, key=lambda row: -row[1])
