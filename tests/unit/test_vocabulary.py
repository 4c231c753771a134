"""The vocabulary that ships, and what is refused in one that does not fit together."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from scened.models.pack import Kind
from scened.models.training.vocabulary import BadVocabulary, Vocabulary, load_vocabulary

FEWEST_TAGS = 400
MOST_TAGS = 520
DEEPEST = 4  # ancestors of one tag


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary()


def _written(folder: Path, text: str) -> Path:
    path = folder / "vocabulary.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_there_are_enough_tags_and_not_too_many(vocabulary: Vocabulary) -> None:
    assert FEWEST_TAGS <= len(vocabulary) <= MOST_TAGS


def test_every_kind_has_tags(vocabulary: Vocabulary) -> None:
    assert {tag.kind for tag in vocabulary.tags} == set(get_args(Kind))


def test_parents_come_before_their_children(vocabulary: Vocabulary) -> None:
    for place, tag in enumerate(vocabulary.tags):
        assert tag.parent is None or vocabulary.index(tag.parent) < place


def test_the_hierarchy_is_shallow(vocabulary: Vocabulary) -> None:
    assert max(len(vocabulary.ancestors(name)) for name in vocabulary.names) <= DEEPEST


def test_ancestors_are_nearest_first(vocabulary: Vocabulary) -> None:
    assert vocabulary.ancestors("golden retriever") == ("retriever", "dog", "animal")


def test_descendants_are_those_that_imply_a_tag(vocabulary: Vocabulary) -> None:
    for name in vocabulary.names:
        implying = {other for other in vocabulary.names if name in vocabulary.ancestors(other)}
        assert vocabulary.descendants(name) == implying


def test_index_finds_each_tag(vocabulary: Vocabulary) -> None:
    assert [vocabulary.index(name) for name in vocabulary.names] == list(range(len(vocabulary)))


def test_index_refuses_an_unknown_tag(vocabulary: Vocabulary) -> None:
    with pytest.raises(BadVocabulary, match="no tag 'gryphon'"):
        vocabulary.index("gryphon")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[object]\ndog = { parent = "animal" }', "'animal' of 'dog' is no tag"),
        ('[object]\na = { parent = "b" }\nb = { parent = "a" }', "implies itself"),
        ('[object]\na = { parent = "a" }', "implies itself"),
        ("[scene]\ndog = {}\n[object]\ndog = {}", "there twice"),
        ("[object]\ndog = {}\ndog = {}", "not TOML"),
        ('[scene]\nsea = {}\n[object]\nship = { parent = "sea" }', "differ in kind"),
        ('[object]\ndog = {}\npuppy = {}\npet = { synonyms = ["dog"] }', "means 'dog' already"),
        ('[object]\na = { synonyms = ["c"] }\nb = { synonyms = ["c"] }', "means 'a' already"),
        ("[object]\nDog = {}", "not plain lower case"),
        ("[colour]\nred = {}", "'colour' is no kind"),
        ('[object]\ndog = { parents = "animal" }', "no field 'parents'"),
    ],
)
def test_a_vocabulary_that_does_not_fit_together_is_refused(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(BadVocabulary, match=complaint):
        load_vocabulary(_written(tmp_path, text))
