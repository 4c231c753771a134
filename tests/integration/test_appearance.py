"""Pictures that are looked at for a question: similar to a foreign one, and duplicates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance

import scened
from scened.analysis import appearance
from scened.analysis.appearance import difference_hashes, embedding
from scened.errors import ScenedError
from scened.findings import Findings, Metadata
from scened.models.pack import default_pack_folder, open_pack
from scened.records import Duplicates
from scened.search.duplicates import MOST_BITS
from tests.integration.conftest import Library
from tests.photos import photo, write_photo


def differ(one: int | None, other: int | None) -> int:
    assert one is not None
    assert other is not None
    return (one ^ other).bit_count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photos, three altered copies of the first, and a file that is no picture."""
    folder = tmp_path_factory.mktemp("altered")
    coffee = photo("coffee.png")
    write_photo(folder / "coffee.png", coffee)
    write_photo(folder / "small.jpg", coffee.resize((300, 200)))
    write_photo(folder / "poor.jpg", coffee, quality=30)
    write_photo(folder / "bright.jpg", ImageEnhance.Brightness(coffee).enhance(1.2))
    write_photo(folder / "cat.jpg", photo("chelsea.png"))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff" + bytes(500))
    return folder


@pytest.mark.parametrize("name", ["small.jpg", "poor.jpg", "bright.jpg"])
def test_altered_copies_have_nearly_the_same_hash(folder: Path, name: str) -> None:
    original, copy = difference_hashes([bytes(folder / "coffee.png"), bytes(folder / name)])
    assert differ(original, copy) <= MOST_BITS


def test_another_photo_has_another_hash(folder: Path) -> None:
    one, other = difference_hashes([bytes(folder / "coffee.png"), bytes(folder / "cat.jpg")])
    assert differ(one, other) > MOST_BITS


def test_a_picture_that_cannot_be_read_has_no_hash_and_keeps_none_from_others(folder: Path) -> None:
    names = ("cat.jpg", "broken.jpg", "nowhere.jpg", "cat.jpg")
    first, *broken, last = difference_hashes([bytes(folder / name) for name in names])
    assert broken == [None, None]
    assert first == last is not None


def test_a_decoder_that_dies_takes_only_its_own_photo_along(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = difference_hashes([bytes(folder / "cat.jpg")])[0]
    real = appearance.subprocess.run
    killed: list[bool] = []

    def die_after_one(*arguments: object, **options: object) -> object:
        child = real(*arguments, **options)  # type: ignore[call-overload]
        if not killed:
            killed.append(True)
            child.stdout = child.stdout[: len(child.stdout) // 2]
        return child

    monkeypatch.setattr(appearance.subprocess, "run", die_after_one)
    assert difference_hashes([bytes(folder / "cat.jpg")] * 3).count(whole) == 2


def test_a_foreign_picture_has_the_embedding_it_would_be_stored_with(folder: Path) -> None:
    vector = embedding(bytes(folder / "cat.jpg"), default_pack_folder())
    assert len(vector) == 256
    assert vector == embedding(bytes(folder / "cat.jpg"), default_pack_folder())


def test_a_foreign_picture_that_cannot_be_read_is_refused_with_its_name(folder: Path) -> None:
    with pytest.raises(ScenedError, match=r"broken\.jpg"):
        embedding(bytes(folder / "broken.jpg"), default_pack_folder())


@pytest.fixture
def reader(library: Library, root: Path, folder: Path) -> Iterator[scened.Library]:
    """A library of those pictures, each with its own embedding, and an exact copy of one."""
    library.pack_id = library.activate(open_pack(default_pack_folder()))
    for name in ("coffee.png", "small.jpg", "poor.jpg", "bright.jpg", "cat.jpg"):
        (root / name).write_bytes((folder / name).read_bytes())
        with Image.open(root / name) as picture:
            metadata = Metadata(*picture.size, "JPEG")
        vector = embedding(bytes(root / name), default_pack_folder())
        library.walk()
        library.look(findings=Findings(metadata, (), vector, (), None))
    (root / "copy of cat.jpg").write_bytes((root / "cat.jpg").read_bytes())
    library.walk()
    library.look()
    with scened.Library.open(library.database.file) as opened:
        yield opened


def names(groups: list[Duplicates]) -> list[list[str]]:
    return [[Path(photo.path).name for photo in group.photos] for group in groups]


def test_exact_duplicates_are_the_same_bytes(reader: scened.Library) -> None:
    groups = reader.duplicates(near=False)
    assert names(groups) == [["cat.jpg", "copy of cat.jpg"]]
    assert groups[0].exact


def test_near_duplicates_are_the_same_picture_the_largest_and_then_the_oldest_first(
    reader: scened.Library,
) -> None:
    cats, coffees = reader.duplicates()
    assert names([cats]) == [["cat.jpg", "copy of cat.jpg"]]
    assert names([coffees]) == [["coffee.png", "poor.jpg", "bright.jpg", "small.jpg"]]
    assert not coffees.exact


def test_a_file_that_is_away_is_no_duplicate(
    library: Library, root: Path, reader: scened.Library
) -> None:
    (root / "copy of cat.jpg").unlink()
    library.walk()
    assert reader.duplicates(near=False) == []


def test_a_library_without_photos_has_no_duplicates(library: Library) -> None:
    with scened.Library.open(library.database.file) as reader:
        assert reader.duplicates() == []


def test_a_foreign_picture_finds_what_it_is_a_copy_of(reader: scened.Library, folder: Path) -> None:
    nearest = reader.similar([folder / "small.jpg"], limit=4)
    assert {Path(found.path).name for found in nearest} == {
        "coffee.png",
        "small.jpg",
        "poor.jpg",
        "bright.jpg",
    }


def test_a_photo_that_waits_to_be_analysed_can_be_compared_already(
    reader: scened.Library, library: Library, root: Path, folder: Path
) -> None:
    waiting = root / "waiting.jpg"
    waiting.write_bytes((folder / "small.jpg").read_bytes() + b"\0")
    library.walk()
    assert library.status_of(waiting) == "pending"
    assert reader.similar([waiting], limit=1)[0].likeness == pytest.approx(1, abs=0.02)


def test_near_duplicates_need_no_memory_of_all_pairs_at_once(
    reader: scened.Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = reader.duplicates()
    monkeypatch.setattr("scened.search.pairs.PRODUCTS_AT_ONCE", 1)
    assert reader.duplicates() == whole
