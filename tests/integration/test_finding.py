"""`scened.Library`: what is found, by words, by filters and by what photos look like."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

import scened
from scened.errors import BadQuery, NoEmbedding
from scened.records import Found, UnknownWord
from scened.search.filters import Filters
from scened.search.words import WordSearch
from tests.integration.conftest import Library, embedding, make_pack, put, show

ODD_QUERIES = ("dog OR 1=1; --", "*", "寿司", "a AND (b", "tags: dog", "NEAR(a b)", "x\0y")


def found(reader: scened.Library, query: str = "", **filters: object) -> list[tuple[str, float]]:
    results = reader.search(query, by="tags", filters=Filters(**filters))  # type: ignore[arg-type]
    return [(Path(photo.path).name, photo.score) for photo in results.photos]


DOGS = [("2.jpg", 0.9), ("1.jpg", 0.7)]
BEACHES = [("3.jpg", 0.8), ("2.jpg", 0.6)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("dog", DOGS),
        ("dogs", DOGS),
        ("DOG", DOGS),
        ("puppies", DOGS),
        ("creature", DOGS),
        ("beach", BEACHES),
        ("beaches", BEACHES),
        ("dog beach", [("2.jpg", 0.6)]),
        ("beach dog dog", [("2.jpg", 0.6)]),
        ("the dog on a beach", [("2.jpg", 0.6)]),
        ("beach -dog", [("3.jpg", 0.8)]),
        ("-dog", [("3.jpg", 1.0)]),
        ("dog 2019", [("1.jpg", 0.7)]),
        ("june", [("1.jpg", 1.0)]),
        ("zenit", [("2.jpg", 1.0)]),
        ("rome", [("3.jpg", 1.0)]),
        ("rome beach", [("3.jpg", 0.8)]),
        ('"acme pocket"', [("3.jpg", 1.0), ("1.jpg", 1.0)]),
        ('"pocket acme"', []),
    ],
)
@pytest.mark.parametrize("few", [True, False], ids=["score all", "surest first"])
def test_photos_are_found_by_words_best_first(
    reader: scened.Library,
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    expected: list[tuple[str, float]],
    few: bool,
) -> None:
    monkeypatch.setattr(WordSearch, "_is_few", lambda *_: few)
    assert found(reader, query) == expected


def test_a_folder_that_is_called_like_a_tag_counts_as_that(
    library: Library, root: Path, reader: scened.Library
) -> None:
    show(library, root / "Dog" / "4.jpg", 4)
    assert found(reader, "dog") == [("4.jpg", 1.0), *DOGS]


def test_the_name_of_the_root_says_nothing_of_a_photo(library: Library, tmp_path: Path) -> None:
    library.watch(tmp_path / "beach")
    show(library, tmp_path / "beach" / "1.jpg", 1, dog=0.6)
    show(library, tmp_path / "beach" / "2.jpg", 2, beach=0.7)
    with scened.Library.open(library.database.file) as reader:
        assert found(reader, "beach") == [("2.jpg", 0.7)]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"first_day": datetime.date(2020, 1, 1)}, ["3.jpg", "2.jpg"]),
        ({"last_day": datetime.date(2020, 7, 31)}, ["3.jpg", "2.jpg", "1.jpg"]),
        ({"last_day": datetime.date(2020, 7, 30)}, ["2.jpg", "1.jpg"]),
        ({"faces": (1, 2)}, ["2.jpg"]),
        ({"faces": (0, 0)}, ["3.jpg", "1.jpg"]),
        ({"kind": "object"}, ["2.jpg", "1.jpg"]),
    ],
)
def test_filters_alone_give_the_newest_first(
    reader: scened.Library, filters: dict[str, object], names: list[str]
) -> None:
    assert [name for name, _ in found(reader, **filters)] == names


def test_filters_and_words_go_together(reader: scened.Library) -> None:
    assert found(reader, "beach", faces=(2, 2)) == [("2.jpg", 0.6)]


@pytest.mark.parametrize("folder", ["", "Rome"])
def test_a_folder_holds_what_lies_below_it(reader: scened.Library, root: Path, folder: str) -> None:
    expected = [("3.jpg", 0.8)] if folder else BEACHES
    assert found(reader, "beach", folder=root / folder) == expected


def test_a_folder_is_not_another_that_begins_like_it(
    library: Library, root: Path, reader: scened.Library
) -> None:
    show(library, root / "Rome2" / "4.jpg", 4, beach=0.9)
    assert found(reader, "beach", folder=root / "Rome") == [("3.jpg", 0.8)]


def test_a_least_score_leaves_out_what_is_less_sure(reader: scened.Library) -> None:
    assert found(reader, "dog", least_score=0.8) == [("2.jpg", 0.9)]


def test_a_search_gives_no_more_than_was_asked_for(reader: scened.Library) -> None:
    assert len(reader.search("dog", limit=1).photos) == 1


def test_a_found_photo_names_its_best_tags(
    library: Library, dogs: list[Path], reader: scened.Library
) -> None:
    results = reader.search("rome beach", by="tags")
    photo_id = library.id_of(dogs[2])
    assert results.photos == (Found(photo_id, str(dogs[2]), 0.8, 0.8, None, ("beach",)),)


@pytest.mark.parametrize(("word", "similar"), [("bech", ("beach",)), ("zzz", ()), ("%", ())])
def test_an_unknown_word_is_told_with_similar_ones_and_takes_no_part(
    reader: scened.Library, word: str, similar: tuple[str, ...]
) -> None:
    results = reader.search(f"dog {word}", by="tags")
    assert results.unknown_words == (UnknownWord(word, similar),)
    assert [photo.score for photo in results.photos] == [0.9, 0.7]


@pytest.mark.parametrize("query", ODD_QUERIES)
def test_whatever_is_typed_is_only_words(reader: scened.Library, query: str) -> None:
    names = {Path(photo.path).name for photo in reader.search(query, by="tags").photos}
    assert names <= {"1.jpg", "2.jpg"}


@pytest.mark.parametrize("query", ["", "  ", "-", "- --", '"'])
def test_nothing_to_search_for_is_refused(reader: scened.Library, query: str) -> None:
    with pytest.raises(BadQuery, match="nothing to search for"):
        reader.search(query)


def test_a_kind_that_is_none_is_refused(reader: scened.Library) -> None:
    with pytest.raises(BadQuery, match="smell"):
        reader.search("dog", filters=Filters(kind="smell"))


def test_without_embeddings_of_the_pack_search_goes_by_tags_and_says_so(
    reader: scened.Library,
) -> None:
    results = reader.search("dog")
    assert [photo.score for photo in results.photos] == [0.9, 0.7]
    assert results.without_meaning


def test_search_by_meaning_alone_is_refused_where_there_is_none(reader: scened.Library) -> None:
    with pytest.raises(NoEmbedding):
        reader.search("dog", by="meaning")


def test_similar_photos_come_nearest_first(
    reader: scened.Library, library: Library, dogs: list[Path]
) -> None:
    nearest = reader.similar([dogs[0]])
    assert [(Path(photo.path).name, photo.likeness) for photo in nearest] == [
        ("2.jpg", pytest.approx(0.945, abs=0.01)),
        ("3.jpg", pytest.approx(0, abs=0.01)),
    ]


def test_similar_to_several_and_unlike_another(
    library: Library, root: Path, reader: scened.Library, dogs: list[Path]
) -> None:
    like_third = show(library, root / "4.jpg", 4, embedding=embedding(10, 126))
    like_none = show(library, root / "5.jpg", 5, embedding=embedding(0, 0, 127))
    names = [photo.path for photo in reader.similar([dogs[0], dogs[1]], unlike=[dogs[2]])]
    assert names == [str(like_none), str(like_third)]


def test_similar_to_an_id_that_was_not_analysed_is_refused(
    library: Library, root: Path, reader: scened.Library
) -> None:
    waiting = put(root / "new.jpg", 9)
    library.walk()
    with pytest.raises(NoEmbedding, match="was not analysed"):
        reader.similar([library.id_of(waiting)])


def test_similar_to_nothing_is_refused(reader: scened.Library) -> None:
    with pytest.raises(BadQuery, match="no photo to compare with"):
        reader.similar([])


def test_photos_of_different_packs_are_not_compared(
    library: Library, root: Path, reader: scened.Library, dogs: list[Path]
) -> None:
    newer = library.activate(make_pack("2"))
    put(root / "new.jpg", 9)
    library.walk()
    library.look(pack_id=newer)
    library.write(
        "UPDATE content_embedding SET pack_id = :old WHERE content_id ="
        " (SELECT content_id FROM file WHERE name = CAST('1.jpg' AS BLOB))",
        old=library.pack_id,
    )
    with pytest.raises(NoEmbedding, match="different packs looked"):
        reader.similar([dogs[0], root / "new.jpg"])
