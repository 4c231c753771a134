"""What is known of a photo: sources mapped to tags, captions read, nothing contradicted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scened.models.training.labels import SourceMap, Truth, load_source_map
from scened.models.training.vocabulary import BadVocabulary, load_vocabulary

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
VOCABULARY = load_vocabulary()
SOURCES = load_source_map(VOCABULARY)


def _captions(*captions: str) -> Truth:
    return SOURCES.truth({"source": "flickr8k", "captions": list(captions)})


def _class(source: str, *classes: str) -> Truth:
    return SOURCES.truth({"source": source, "classes": list(classes)})


def _assert_consistent(truth: Truth) -> None:
    assert truth.present.isdisjoint(truth.absent)
    for tag in truth.present:
        assert truth.present.issuperset(VOCABULARY.ancestors(tag))
    for tag in truth.absent:
        assert truth.absent.issuperset(VOCABULARY.descendants(tag))


def _records() -> Iterator[dict[str, Any]]:
    for folder in ("classes", "multilabel", "captions"):
        for line in (CORPUS / folder / "labels.jsonl").read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """Return a record of any source, with any of its classes."""
    name = draw(st.sampled_from(sorted(SOURCES.sources)))
    classes = sorted(SOURCES.sources[name].classes)
    record: dict[str, Any] = {
        "source": name,
        "classes": draw(st.lists(st.sampled_from(classes), max_size=4)),
    }
    if draw(st.booleans()):
        record["vocabulary"] = draw(st.lists(st.sampled_from(classes), max_size=4))
    return record


@given(records())
def test_a_truth_of_classes_never_contradicts_itself(record: dict[str, Any]) -> None:
    _assert_consistent(SOURCES.truth(record))


PHRASES = sorted({phrase for found in SOURCES.captions.mentioned.values() for phrase in found})


@given(st.lists(st.lists(st.sampled_from(PHRASES)).map(" and ".join), max_size=5))
def test_a_truth_of_captions_never_contradicts_itself(captions: list[str]) -> None:
    _assert_consistent(_captions(*captions))


@pytest.mark.parametrize(
    ("sentence", "present", "not_present"),
    [
        ("A brown dog runs through the snow .", "dog animal running snow", "cat"),
        ("Two puppies play with a tennis ball .", "dog ball", "tennis"),
        ("A boy eats a hot dog .", "food boy child person", "dog animal"),
        ("A man in an orange shirt", "man shirt clothing", "fruit orange food"),
        ("A dog-walker waits at the corner", "person", "dog"),
        ("A rider on a dirt bike jumps", "motorcycle vehicle", "bicycle cycling"),
        ("Three women sit on a park bench.", "woman person bench park", "man child"),
        ("A man without a shirt", "man", "shirt clothing"),
        ("There are no people on the beach", "beach", "person"),
        ("The girl's kitten", "cat", "dog"),
        ("A couple of dogs fight", "dog", "couple person"),
        ("A man mans the manly manor", "man", "woman"),
        ("A catfish and a doghouse", "", "cat dog"),
        ("A football player runs", "person running", "soccer"),
        ("A license plate", "", "plate kitchenware"),
    ],
)
def test_a_caption_is_read(sentence: str, present: str, not_present: str) -> None:
    found = _captions(sentence).present
    assert found.issuperset(present.split())
    assert found.isdisjoint(not_present.split())


def test_a_loose_word_counts_when_two_captions_agree() -> None:
    assert "girl" not in _captions("A girl smiles", "A woman smiles").present
    assert "girl" in _captions("A girl smiles", "The girl laughs").present


def test_a_longer_phrase_hides_a_loose_word() -> None:
    truth = _captions("A girl in a bathing suit", "A child wears a bathing suit")
    assert "swimsuit" in truth.present
    assert "suit" not in truth.present


def test_a_bike_beside_a_motorcycle_may_be_the_motorcycle() -> None:
    truth = _captions("A man on a bike", "A bike in the dirt", "A motorcycle rider")
    assert "bicycle" not in truth.present | truth.absent


def test_captions_tell_nothing_of_what_they_do_not_mention() -> None:
    assert "dog" not in _captions("A man sits").absent


def test_a_complete_source_rules_out_its_other_classes() -> None:
    truth = _class("sports22", "tennis")
    assert {"tennis", "sport"} <= truth.present
    assert {"badminton", "field hockey", "race car"} <= truth.absent


def test_overlapping_scenes_stay_unknown() -> None:
    truth = _class("intel_scenes", "glacier")
    assert "mountain" not in truth.present | truth.absent
    assert "street" in truth.absent


def test_what_is_finer_than_a_class_stays_unknown() -> None:
    truth = SOURCES.truth({"source": "coco", "coco_names": ["dog"]})
    assert "dalmatian" not in truth.present | truth.absent
    assert {"cat", "tabby cat", "person", "crowd"} <= truth.absent


def test_a_class_without_a_tag_rules_nothing_out() -> None:
    assert "elephant" not in _class("caltech101", "BACKGROUND_Google").absent


def test_completeness_is_bounded_by_the_vocabulary_of_the_photo() -> None:
    record = {"source": "voc4", "tags": ["car"], "vocabulary": ["car", "cat"]}
    truth = SOURCES.truth(record)
    assert "cat" in truth.absent
    assert "person" not in truth.absent


def test_free_words_that_are_not_listed_mean_nothing() -> None:
    record = {"source": "food_feedme", "tags": ["Pizza", "yummy", "lifeinjapan"]}
    assert SOURCES.truth(record).present == {"pizza", "food"}


def test_imagenet_has_the_tags_of_its_thousand_classes_with_ancestors() -> None:
    tags = SOURCES.imagenet_tags()
    assert len(tags) == 1000
    assert set(tags[207]) == {"golden retriever", "retriever", "dog", "animal"}  # n02099601


def test_every_tag_is_reachable_from_a_source() -> None:
    assert SOURCES.reachable() == set(VOCABULARY.names)


@pytest.mark.parametrize(
    "record",
    [{"source": "nowhere", "classes": ["dog"]}, {"source": "animals", "classes": ["gryphon"]}],
)
def test_what_is_not_mapped_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(BadVocabulary):
        SOURCES.truth(record)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[captions]\nmentioned = { gryphon = ["gryphon"] }\nagreed = {}', "no tag 'gryphon'"),
        ("[captions]\nmentioned = {}", "agreed"),
        ("[animals]\nclasses = {}", "captions"),
        ("[captions", "cannot be read"),
    ],
)
def test_a_damaged_map_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadVocabulary, match=complaint):
        load_source_map(VOCABULARY, path)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the photos in ../shared/corpus")
def test_every_class_of_the_corpus_is_mapped() -> None:
    for record in _records():
        _assert_consistent(SOURCES.truth(record))


@pytest.fixture(scope="module")
def small_map(tmp_path_factory: pytest.TempPathFactory) -> SourceMap:
    path = tmp_path_factory.mktemp("map") / "sources.toml"
    path.write_text(
        '[captions]\nmentioned = { bus = ["bus"], berry = ["berry"] }\nagreed = {}\n',
        encoding="utf-8",
    )
    return load_source_map(VOCABULARY, path)


@pytest.mark.parametrize(("sentence", "tag"), [("two buses", "bus"), ("red berries", "berry")])
def test_plurals_are_understood(small_map: SourceMap, sentence: str, tag: str) -> None:
    assert tag in small_map.truth({"source": "any", "captions": [sentence]}).present
