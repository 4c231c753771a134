"""A text is cut into word pieces as the library does it that the vectors were learnt with."""

from __future__ import annotations

import json
from functools import cache

from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from scened.models.pack import TOKENIZER_NAME, default_pack_folder
from scened.search.word_pieces import word_pieces


@cache
def theirs() -> Tokenizer:
    """Return the library's tokeniser, without the marks that no text of a person may stand for."""
    rules = json.loads((default_pack_folder() / TOKENIZER_NAME).read_text())
    return Tokenizer.from_str(json.dumps(rules | {"added_tokens": []}))


@cache
def vocabulary() -> dict[str, int]:
    known: dict[str, int] = theirs().get_vocab()
    return known


def held_to_library(text: str) -> None:
    expected = theirs().encode(text, add_special_tokens=False).ids
    assert word_pieces(text, vocabulary()) == expected


@given(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=60))
def test_latin_texts_are_cut_alike(text: str) -> None:
    held_to_library(text)


# Scripts that were complete in Unicode when the library's tables were made
SCRIPTS = ((0x370, 0x5FF), (0x900, 0x97F), (0x2000, 0x206F), (0x3040, 0x30FF), (0x4E00, 0x9FEF))
EMOJI = (0x1F300, 0x1F5FF)


@given(
    st.text(
        st.one_of(
            *(
                st.characters(min_codepoint=a, max_codepoint=b, exclude_categories=["Cn"])
                for a, b in (*SCRIPTS, EMOJI)
            )
        ),
        max_size=30,
    )
)
def test_texts_of_any_script_are_cut_alike(text: str) -> None:
    held_to_library(text)


def test_a_last_sigma_is_cut_like_any_other() -> None:
    held_to_library("ΆΣ ΟΔΟΣ")


def test_a_very_long_word_is_unknown() -> None:
    held_to_library("a" * 500)


def test_a_word_is_cut_into_its_longest_pieces() -> None:
    pieces = {number: piece for piece, number in vocabulary().items()}
    assert [pieces[n] for n in word_pieces("Snowboarders!", vocabulary())] == [
        "snow",
        "##board",
        "##ers",
        "!",
    ]
