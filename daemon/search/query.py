"""What somebody typed: words, phrases in quotes, and words with a minus in front."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scened.errors import BadQuery

__all__ = ["Query", "parse_query", "quoted"]

MOST_CHARACTERS = 500
MOST_WORDS = 40
# Joins words; says nothing of a photo
STOP_WORDS = frozenset(re.findall(r"\w+", """
    a an and are as at by for from in is it my of on or our that the their this to was with
"""))  # fmt: skip

_TERM = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')
_SAYS_SOMETHING = re.compile(r"[^\W_]")


@dataclass(frozen=True)
class Query:
    """`terms` are single words or phrases; `text` is all that is wanted, as it was typed."""

    text: str
    terms: tuple[str, ...]
    excluded: tuple[str, ...]


def parse_query(typed: str) -> Query:
    """Take a query apart; words that only join others are left out where there are others.

    Raises BadQuery where it is longer than anybody would type.
    """
    if len(typed) > MOST_CHARACTERS:
        raise BadQuery(
            f"the query has {len(typed):,} characters",
            f"at most {MOST_CHARACTERS} are searched for",
        )
    wanted: dict[str, None] = {}  # in order, each once
    excluded: dict[str, None] = {}
    for minus, phrase, word in _TERM.findall(typed):
        term = " ".join((phrase or word).lower().split())
        if term.strip("-"):
            (excluded if minus else wanted)[term] = None
    if len(wanted) + len(excluded) > MOST_WORDS:
        raise BadQuery(
            f"the query has {len(wanted) + len(excluded)} words",
            f"at most {MOST_WORDS} are searched for",
        )
    terms = tuple(term for term in wanted if term not in STOP_WORDS) or tuple(wanted)
    return Query(" ".join(wanted), terms, tuple(filter(_SAYS_SOMETHING.search, excluded)))


def quoted(term: str) -> str:
    """Return a term as FTS5 takes it: whatever stands in it is text, never an operator."""
    return '"' + term.replace('"', " ").replace("\0", " ") + '"'
