"""Cut a text into word pieces, as BERT's tokeniser does.

Our own, since the library that does it brings a client for a model hub along, and nothing here
goes to a network. A test holds it to that library.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

__all__ = ["UNKNOWN", "word_pieces"]

UNKNOWN = "[UNK]"
LONGEST_WORD = 100  # characters; longer ones are unknown
CONTINUED = "##"  # begins a piece that goes on with a word
IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)


def word_pieces(text: str, vocabulary: Mapping[str, int]) -> list[int]:
    """Return the numbers of a text's pieces: the longest known ones, from the left of each word.

    Source: Devlin et al., BERT, 2018 (uncased); Wu et al., 2016 (word pieces).
    """
    return [piece for word in _words(text) for piece in _pieces(word, vocabulary)]


def _words(text: str) -> Iterator[str]:
    spaced = "".join(_cleaned(character) for character in text)
    plain = "".join(
        character
        for character in unicodedata.normalize("NFD", spaced)
        if unicodedata.category(character) != "Mn"
    )
    # Letter by letter: in a whole word Python gives a last sigma another form, this cut does not
    lowered = "".join(character.lower() for character in plain)
    word = ""
    for character in lowered:
        if character.isspace() or _is_punctuation(character):
            if word:
                yield word
            word = ""
            if not character.isspace():
                yield character
        else:
            word += character
    if word:
        yield word


def _pieces(word: str, vocabulary: Mapping[str, int]) -> list[int]:
    unknown = [vocabulary[UNKNOWN]]
    if len(word) > LONGEST_WORD:
        return unknown
    found: list[int] = []
    start = 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = vocabulary.get((CONTINUED if start else "") + word[start:end])
            if piece is not None:
                found.append(piece)
                start = end
                break
        else:
            return unknown
    return found


def _cleaned(character: str) -> str:
    """Return a space for white space, nothing for control characters, ideographs set apart."""
    if character in "\t\n\r" or unicodedata.category(character) == "Zs":
        return " "
    if unicodedata.category(character).startswith("C") or character == "\ufffd":
        return ""
    code = ord(character)
    return f" {character} " if any(low <= code <= high for low, high in IDEOGRAPHS) else character


def _is_punctuation(character: str) -> bool:
    if character.isascii():
        return not character.isalnum() and character.isprintable() and character != " "
    return unicodedata.category(character).startswith("P")
