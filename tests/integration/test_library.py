"""`scened.Library`: what other programs ask."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import scened
from scened.cli.plot import draw_stats
from scened.errors import BadQuery, ForeignDatabase, MissingPath, NoEmbedding
from scened.findings import Metadata
from scened.records import Found, TagCount, UnknownWord
from scened.search.filters import Filters
from scened.search.words import WordSearch
from tests.integration.conftest import FINDINGS, Library, make_pack, put, show

ODD_QUERIES = ("dog OR 1=1; --", "*", "寿司", "a AND (b", "tags: dog", "NEAR(a b)", "x\0y")


def taken(when: str, camera: str = "Acme Pocket 3") -> Metadata:
    return Metadata(64, 48, "JPEG", taken_at=when, camera=camera)


def embedding(*numbers: int) -> bytes:
    """Return a stored embedding that begins with these numbers."""
    return np.array([*numbers, *[0] * (256 - len(numbers))], np.int8).tobytes()


@pytest.fixture
def dogs(library: Library, root: Path) -> list[Path]:
    """Two dogs, the second surer and on a beach, and a beach without a dog."""
    return [
        show(
            library,
            root / "1.jpg",
            1,
            animal=0.7,
            dog=0.7,
            embedding=embedding(127),
            metadata=taken("2019-06-14T18:03:20"),
        ),
        show(
            library,
            root / "2.jpg",
            2,
            animal=0.9,
            dog=0.9,
            beach=0.6,
            faces=2,
            embedding=embedding(120, 42),
            metadata=taken("2020-01-01T00:00:00", "Zenit"),
        ),
        show(
            library,
            root / "Rome" / "3.jpg",
            3,
            beach=0.8,
            embedding=embedding(0, 127),
            metadata=taken("2020-07-31T23:59:59"),
        ),
    ]


@pytest.fixture
def reader(library: Library, dogs: list[Path]) -> Iterator[scened.Library]:
    with scened.Library.open(library.database.file) as opened:
        yield opened


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


def test_a_photo_tells_what_the_contract_tells(
    library: Library, root: Path, reader: scened.Library
) -> None:
    path = put(root / "a.jpg", 7)
    library.walk()
    library.look()
    seen = reader.photo(path)
    assert (
        seen.id,
        seen.path,
        seen.camera,
        seen.status,
        [(tag.tag, tag.score, tag.kind) for tag in seen.tags],
        seen.faces,
    ) == (
        library.id_of(path),
        str(path),
        "Acme Pocket 3",
        "analysed",
        [("animal", 0.91, "object"), ("dog", 0.875, "object")],
        FINDINGS.faces,
    )
    assert reader.photo(seen.id) == seen
    assert reader.faces(seen.id) == FINDINGS.faces


def test_a_photo_is_found_by_its_exact_path(
    library: Library, root: Path, reader: scened.Library
) -> None:
    path = put(root / os.fsdecode(b"caf\xe9") / "a.jpg", 7)
    library.walk()
    assert reader.photo(path).id == library.id_of(path)
    assert reader.exact_paths([reader.photo(bytes(path)).id]) == [bytes(path)]


@pytest.mark.parametrize("photo", ["/elsewhere/a.jpg", "/", "", b"\xff", 0, 999])
def test_a_photo_that_is_not_there_is_refused(reader: scened.Library, photo: int | str) -> None:
    with pytest.raises(MissingPath):
        reader.photo(photo)


def test_a_folder_is_no_photo(reader: scened.Library, root: Path) -> None:
    with pytest.raises(MissingPath):
        reader.photo(root)


def test_tags_come_with_their_counts(reader: scened.Library) -> None:
    assert reader.tags() == [
        TagCount("animal", "object", None, 2),
        TagCount("beach", "scene", None, 2),
        TagCount("dog", "object", "animal", 2),
    ]


def test_who_follows_changes_hears_of_results_and_removals(
    library: Library, reader: scened.Library, dogs: list[Path]
) -> None:
    cursor = reader.changes()[-1].seq
    gone = library.id_of(dogs[0])
    show(library, dogs[1].parent / "4.jpg", 4)
    dogs[0].unlink()
    library.walk()
    library.let_go()
    changes = reader.changes(cursor)
    assert [(change.path, change.status) for change in changes] == [
        (str(dogs[1].parent / "4.jpg"), "analysed"),
        (None, None),
    ]
    assert changes[-1].photo_id == gone


def test_changes_come_in_portions_without_a_gap(reader: scened.Library) -> None:
    cursor, seen = 0, []
    while portion := reader.changes(cursor, most=1):
        seen += portion
        cursor = portion[-1].seq
    assert seen == reader.changes()


def test_watching_changes_goes_on_as_more_happens(
    library: Library, root: Path, reader: scened.Library
) -> None:
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) > 1:
            raise StopIteration
        show(library, root / "4.jpg", 4)

    cursor = reader.changes()[-1].seq
    seen = [change.path for change in reader.watch_changes(cursor, wait=wait)]
    assert seen == [str(root / "4.jpg")]
    assert len(waited) == 2


def test_a_library_does_not_change_the_file(library: Library, reader: scened.Library) -> None:
    with pytest.raises(Exception, match="readonly"):
        reader._connection.execute("DELETE FROM file")


def test_no_library_at_all(tmp_path: Path) -> None:
    with pytest.raises(MissingPath, match="there is no database"):
        scened.Library.open(tmp_path / "none.sqlite")


def test_an_empty_file_is_no_library(tmp_path: Path) -> None:
    (tmp_path / "empty.sqlite").touch()
    with pytest.raises(ForeignDatabase, match="is empty"):
        scened.Library.open(tmp_path / "empty.sqlite")


@pytest.mark.parametrize("heavy", ["sqlalchemy", "numpy", "msgspec", "click"])
def test_importing_scened_loads_nothing(heavy: str) -> None:
    code = f"import sys, scened; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("heavy", ["sqlalchemy", "numpy", "PIL", "onnxruntime", "click", "rich"])
def test_searching_by_tags_loads_nothing_heavy(library: Library, heavy: str) -> None:
    code = (
        "import sys, scened\n"
        "with scened.Library.open(sys.argv[1]) as library: library.search('dog', by='tags')\n"
        f"sys.exit({heavy!r} in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(library.database.file)]
    assert subprocess.run(command).returncode == 0


def test_stats_count_by_status_year_camera_and_faces(
    library: Library, root: Path, reader: scened.Library
) -> None:
    put(root / "new.jpg", 9)
    library.walk()
    stats = reader.stats()
    assert (stats.photos, [(each.name, each.photos) for each in stats.statuses]) == (
        4,
        [("analysed", 3), ("pending", 1)],
    )
    assert [(each.name, each.photos) for each in stats.years] == [("2019", 1), ("2020", 2)]
    assert [(each.name, each.photos) for each in stats.cameras] == [
        ("Acme Pocket 3", 2),
        ("Zenit", 1),
    ]
    assert [(each.name, each.photos) for each in stats.faces] == [("0", 2), ("2", 1)]
    assert stats.file_bytes == sum(path.stat().st_size for path in root.rglob("*.jpg"))


def test_stats_are_drawn(reader: scened.Library, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw_stats(reader.stats(), tmp_path / "stats.png")
    with Image.open(tmp_path / "stats.png") as drawn:
        assert drawn.format == "PNG"
        assert min(drawn.size) > 500
