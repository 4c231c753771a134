"""Tags corrected by hand: what somebody said stays said, whatever the network says later."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scened
from scened.errors import BadQuery, MissingPath, NotLookedAt
from scened.records import Correction
from scened.requests import TAG, Tagging, carry_out
from scened.store.commands import Command
from scened.store.corrections import corrected_scores
from scened.store.forgetting import forget_photos
from scened.store.repair import repair
from tests.integration.conftest import FINDINGS, Library, jpeg, make_pack, put, show

PARENTS = {"animal": None, "dog": "animal", "puppy": "dog", "cat": "animal", "beach": None}
DOG = {"animal": 9000, "dog": 9000}


def tag(library: Library, path: Path, *words: str, reset: bool = False) -> str:
    added = tuple(word[1:] for word in words if word[0] == "+")
    removed = tuple(word[1:] for word in words if word[0] == "-")
    argument = msgspec.json.encode(Tagging(bytes(path), added, removed, reset))
    return carry_out(library.database, Command(1, TAG, argument)).sentence


def tags_of(library: Library, path: Path) -> dict[str, float]:
    statement = "SELECT tag, score FROM photo_tags WHERE photo_id = :id"
    return dict(library.rows(statement, id=library.id_of(path)))


def found(library: Library, word: str) -> int:
    with scened.Library.open(library.database.file) as reader:
        return len(reader.search(word, by="tags").photos)


@pytest.fixture
def dog(library: Library, root: Path) -> Path:
    return show(library, root / "rex.jpg", 1, animal=0.9, dog=0.9)


def test_an_added_tag_is_certain_and_brings_what_is_above_it(library: Library, root: Path) -> None:
    path = show(library, root / "a.jpg", 2, beach=0.6)
    tag(library, path, "+dog")
    assert tags_of(library, path) == {"animal": 1.0, "dog": 1.0, "beach": 0.6}


def test_a_tag_taken_away_takes_what_only_it_brought(library: Library, dog: Path) -> None:
    tag(library, dog, "-dog", "+beach")
    assert tags_of(library, dog) == {"beach": 1.0}


def test_a_synonym_means_its_tag(library: Library, dog: Path) -> None:
    tag(library, dog, "-hound")
    assert tags_of(library, dog) == {}


def test_search_follows(library: Library, dog: Path) -> None:
    tag(library, dog, "-dog", "+beach")
    assert (found(library, "dog"), found(library, "seaside")) == (0, 1)


def test_seq_grows(library: Library, dog: Path) -> None:
    before = library.one("SELECT seq FROM photos")
    tag(library, dog, "+beach")
    assert library.one("SELECT seq FROM photos") > before


def test_it_outlives_another_look_by_another_pack(library: Library, dog: Path) -> None:
    tag(library, dog, "-dog", "+beach")
    library.look(library.activate(make_pack("2")), FINDINGS)
    assert tags_of(library, dog) == {"animal": 0.91, "beach": 1.0}


def test_it_outlives_the_photo(library: Library, dog: Path) -> None:
    tag(library, dog, "-dog", "+beach")
    dog.unlink()
    library.walk()
    library.let_go()
    library.write("DELETE FROM content")
    put(dog, 1)
    library.walk()
    library.look()
    assert tags_of(library, dog) == {"animal": 0.91, "beach": 1.0}


def test_it_is_forgotten_with_the_photo(library: Library, dog: Path) -> None:
    tag(library, dog, "-dog", "+beach")
    forget_photos(library.database, [bytes(dog)])
    assert library.rows("SELECT * FROM correction") == []


def test_it_outlives_a_repair_of_the_database(library: Library, dog: Path) -> None:
    tag(library, dog, "-dog", "+beach")
    library.database.close()
    repair(library.database.file)
    library.reopen()
    tag(library, dog, "+dog")
    assert tags_of(library, dog) == {"animal": 1.0, "dog": 1.0, "beach": 1.0}
    tag(library, dog, reset=True)
    assert tags_of(library, dog) == {"animal": 0.9, "dog": 0.9}


def test_it_holds_for_copies(library: Library, root: Path, dog: Path) -> None:
    (root / "copy.jpg").write_bytes(jpeg(1))
    library.walk()
    library.look()
    assert tag(library, dog, "-dog").endswith("is tagged with its copies")
    assert tags_of(library, root / "copy.jpg") == {}


def test_reset_gives_back_what_the_last_look_saw(library: Library, dog: Path) -> None:
    tag(library, dog, "-dog", "+beach")
    library.look(library.activate(make_pack("2")), FINDINGS)
    tag(library, dog, reset=True)
    assert tags_of(library, dog) == {"animal": 0.91, "dog": 0.875}
    assert library.rows("SELECT * FROM photo_corrections") == []


def test_the_later_word_counts(library: Library, dog: Path) -> None:
    tag(library, dog, "-animal")
    tag(library, dog, "+dog")
    assert tags_of(library, dog) == {"animal": 1.0, "dog": 1.0}
    tag(library, dog, "-animal")
    assert tags_of(library, dog) == {}


def test_the_record_of_a_photo_tells_of_corrections(library: Library, dog: Path) -> None:
    tag(library, dog, "-dog", "+beach")
    with scened.Library.open(library.database.file) as reader:
        assert reader.photo(dog).corrections == (
            Correction("beach", present=True),
            Correction("dog", present=False),
        )


def test_a_word_that_is_no_tag_is_refused_and_nothing_changes(library: Library, dog: Path) -> None:
    with pytest.raises(BadQuery, match="there is no tag 'dgo'; did you mean dog"):
        tag(library, dog, "+beach", "-dgo")
    assert tags_of(library, dog) == {"animal": 0.9, "dog": 0.9}


def test_a_photo_that_was_not_looked_at_is_refused(library: Library, root: Path) -> None:
    put(root / "new.jpg", 5)
    library.walk()
    with pytest.raises(NotLookedAt):
        tag(library, root / "new.jpg", "+beach")


def test_a_photo_that_is_not_in_the_library_is_refused(library: Library, root: Path) -> None:
    with pytest.raises(MissingPath, match="not in the library"):
        tag(library, root / os.fsdecode(b"\xff.jpg"), "+beach")


def test_what_is_above_falls_to_the_next_best_child() -> None:
    seen = {"animal": 9000, "dog": 9000, "cat": 4000}
    assert corrected_scores(seen, {"dog": False}, PARENTS) == {"animal": 4000, "cat": 4000}


def test_what_was_surer_by_itself_stays() -> None:
    assert corrected_scores({"animal": 9500, "dog": 9000}, {"dog": False}, PARENTS) == {
        "animal": 9500
    }


@given(
    st.dictionaries(st.sampled_from(sorted(PARENTS)), st.integers(1, 10_000)),
    st.dictionaries(st.sampled_from(sorted(PARENTS)), st.just(value=False)),
)
def test_nothing_is_less_certain_for_being_more_general(
    raw: dict[str, int], said: dict[str, bool]
) -> None:
    seen: dict[str, int] = {}
    for name, score in raw.items():
        above: str | None = name
        while above is not None:
            seen[above] = max(score, seen.get(above, 0))
            above = PARENTS[above]
    scores = corrected_scores(seen, said, PARENTS)
    assert said.keys().isdisjoint(scores)
    assert all(
        scores[parent] >= score
        for name, score in scores.items()
        if (parent := PARENTS[name]) is not None
    )
