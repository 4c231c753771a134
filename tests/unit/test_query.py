"""What somebody typed, taken apart."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scened.errors import BadQuery
from scened.search.fusion import fuse
from scened.search.query import MOST_CHARACTERS, parse_query, quoted


@pytest.mark.parametrize(
    ("typed", "terms", "excluded"),
    [
        ("Dog  snow dog", ("dog", "snow"), ()),
        ("two dogs in the snow", ("two", "dogs", "snow"), ()),
        ("the", ("the",), ()),
        ('"hot dog" -cat', ("hot dog",), ("cat",)),
        ('-"hot dog" beach', ("beach",), ("hot dog",)),
        ('"never closed', ("never closed",), ()),
        ("black-and-white", ("black-and-white",), ()),
        ("- -- -%", (), ()),
        (" ", (), ()),
    ],
)
def test_a_query_is_words_phrases_and_what_must_not_be(
    typed: str, terms: tuple[str, ...], excluded: tuple[str, ...]
) -> None:
    query = parse_query(typed)
    assert (query.terms, query.excluded) == (terms, excluded)


def test_the_text_keeps_the_words_that_only_join_others() -> None:
    assert parse_query("two dogs in the snow -cat").text == "two dogs in the snow"


@pytest.mark.parametrize("typed", ["x" * (MOST_CHARACTERS + 1), " ".join(map(str, range(50)))])
def test_a_query_that_is_too_long_is_refused(typed: str) -> None:
    with pytest.raises(BadQuery, match="at most"):
        parse_query(typed)


@given(st.text(max_size=100))
@pytest.mark.promise(
    "text: FTS5 operators in a query",
    "searched for as words",
)
def test_whatever_is_typed_fts5_takes_it_for_text(typed: str) -> None:
    index = sqlite3.connect(":memory:")
    index.execute("CREATE VIRTUAL TABLE words USING fts5(word)")
    query = parse_query(typed)
    for term in (*query.terms, *query.excluded):
        index.execute("SELECT * FROM words WHERE words MATCH ?", (quoted(term),)).fetchall()
    index.close()


@given(st.lists(st.permutations(range(8)).map(lambda order: order[:5]), min_size=1, max_size=3))
def test_fusion_puts_what_is_first_everywhere_first(rankings: list[list[int]]) -> None:
    fused = fuse([[99, *ranking] for ranking in rankings], [1] * len(rankings))
    assert fused[0] == (99, pytest.approx(1))
    assert {item for item, _ in fused} == {99}.union(*rankings)
    assert [score for _, score in fused] == sorted((score for _, score in fused), reverse=True)


def test_fusion_prefers_what_two_lists_hold() -> None:
    assert [item for item, _ in fuse([[1, 2], [3, 2]], (1, 1))] == [2, 1, 3]


def test_a_ranking_that_weighs_less_comes_later() -> None:
    assert [item for item, _ in fuse([[1, 2], [3, 4]], (0.5, 1))] == [3, 4, 1, 2]
    assert [score for _, score in fuse([[], [3]], (0, 1))] == [0.5]
