"""Keywords and ratings of other programs: noticed beside the photo, kept apart from our tags."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import scened
from scened.analysis.labels import look_beside
from scened.analysis.protocol import SidecarJob
from scened.findings import Findings, Metadata
from scened.records import Keyword
from scened.search.filters import Filters
from scened.store.sidecars import record_sidecars, waiting_sidecars
from tests.integration.conftest import FINDINGS, Library, put

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/" xmp:Rating="{rating}">
   <dc:subject><rdf:Bag><rdf:li>{keyword}</rdf:li></rdf:Bag></dc:subject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""


def write(path: Path, keyword: str, rating: int = 3) -> Path:
    path.write_text(XMP.format(keyword=keyword, rating=rating))
    return path


def read(library: Library, meanwhile: Callable[[], object] = lambda: None) -> int:
    """Do the analyzer's part for the sidecars that wait, and something between look and record."""
    with library.database.reading() as connection:
        asked = {each.file_id: each for each in waiting_sidecars(connection, 100)}
    answers = [look_beside(SidecarJob(each.file_id, each.path)) for each in asked.values()]
    meanwhile()
    with library.database.writing() as connection:
        record_sidecars(connection, asked, answers)
    return len(asked)


def keywords(library: Library) -> list[tuple[str, str]]:
    return library.rows("SELECT keyword, source FROM photo_keywords ORDER BY keyword")  # type: ignore[return-value]


@pytest.fixture
def photo(library: Library, root: Path) -> Path:
    path = put(root / "a.jpg", 1)
    library.walk()
    library.look()
    return path


@pytest.mark.parametrize("name", ["a.jpg.xmp", "a.xmp"])
def test_a_sidecar_is_read_once(library: Library, photo: Path, name: str) -> None:
    write(photo.with_name(name), "grandma")
    library.walk()
    assert (read(library), read(library)) == (1, 0)
    library.walk()
    assert read(library) == 0
    assert keywords(library) == [("grandma", "sidecar")]
    assert library.one("SELECT rating FROM photos") == 3


def test_the_longer_name_counts_where_there_are_both(library: Library, photo: Path) -> None:
    write(photo.with_name("a.jpg.xmp"), "longer")
    write(photo.with_name("a.xmp"), "shorter")
    library.walk()
    read(library)
    assert keywords(library) == [("longer", "sidecar")]


def test_a_sidecar_that_changes_is_read_again(library: Library, photo: Path) -> None:
    write(photo.with_name("a.jpg.xmp"), "grandma")
    library.walk()
    read(library)
    before = library.one("SELECT seq FROM photos")
    write(photo.with_name("a.jpg.xmp"), "grandfather")
    library.walk()
    read(library)
    assert keywords(library) == [("grandfather", "sidecar")]
    assert library.one("SELECT seq FROM photos") > before


def test_a_sidecar_that_changes_while_it_is_read_waits_again(library: Library, photo: Path) -> None:
    sidecar = write(photo.with_name("a.jpg.xmp"), "grandma")
    library.walk()

    def change() -> None:
        write(sidecar, "grandfather")
        library.walk()

    read(library, change)
    assert read(library) == 1
    assert keywords(library) == [("grandfather", "sidecar")]


def test_a_sidecar_that_comes_back_while_it_was_away_waits(library: Library, photo: Path) -> None:
    sidecar = write(photo.with_name("a.jpg.xmp"), "grandma")
    library.walk()
    sidecar.unlink()

    def come_back() -> None:
        write(sidecar, "grandfather")
        library.walk()

    read(library, come_back)
    assert read(library) == 1
    assert keywords(library) == [("grandfather", "sidecar")]


def test_a_sidecar_that_changed_before_it_is_read_is_read_once(
    library: Library, photo: Path
) -> None:
    sidecar = write(photo.with_name("a.jpg.xmp"), "grandma")
    library.walk()
    write(sidecar, "grandfather")
    assert (read(library), read(library)) == (1, 0)
    library.walk()
    assert read(library) == 0


def test_what_a_sidecar_said_goes_with_it(library: Library, photo: Path) -> None:
    sidecar = write(photo.with_name("a.jpg.xmp"), "grandma")
    library.walk()
    read(library)
    sidecar.unlink()
    library.walk()
    assert keywords(library) == []
    assert library.one("SELECT rating FROM photos") is None


def test_a_sidecar_that_goes_before_it_is_read_is_forgotten(library: Library, photo: Path) -> None:
    sidecar = write(photo.with_name("a.jpg.xmp"), "grandma")
    library.walk()
    sidecar.unlink()
    assert (read(library), read(library)) == (1, 0)
    assert library.rows("SELECT * FROM sidecar") == []


def test_a_renamed_photo_keeps_the_sidecar_that_went_along(library: Library, photo: Path) -> None:
    sidecar = write(photo.with_name("a.jpg.xmp"), "grandma")
    library.walk()
    read(library)
    photo.rename(photo.with_name("b.jpg"))
    sidecar.rename(photo.with_name("b.jpg.xmp"))
    library.walk()
    read(library)
    assert keywords(library) == [("grandma", "sidecar")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"broken", "it is no XML"), (b"<!DOCTYPE a>", "it declares a document type")],
)
def test_a_broken_sidecar_is_no_end_of_it(
    library: Library, photo: Path, data: bytes, reason: str
) -> None:
    photo.with_name("a.jpg.xmp").write_bytes(data)
    library.walk()
    assert (read(library), read(library)) == (1, 0)
    assert library.one("SELECT error FROM sidecar").startswith(reason)
    assert library.status_of(photo) == "analysed"


def test_a_sidecar_of_100_megabytes_is_not_read(library: Library, photo: Path) -> None:
    with photo.with_name("a.jpg.xmp").open("wb") as file:
        file.truncate(100_000_000)
    library.walk()
    assert (read(library), read(library)) == (1, 0)
    assert library.one("SELECT error FROM sidecar") == ("it has 100 MB, more than the 8 MB allowed")


def test_a_link_is_no_sidecar(library: Library, photo: Path, tmp_path: Path) -> None:
    photo.with_name("a.jpg.xmp").symlink_to(write(tmp_path / "elsewhere.xmp", "secret"))
    library.walk()
    assert read(library) == 0


def test_keywords_are_found_apart_from_our_tags(library: Library, photo: Path) -> None:
    write(photo.with_name("a.jpg.xmp"), "grandma", 4)
    library.walk()
    read(library)
    with scened.Library.open(library.database.file) as reader:
        assert [each.score for each in reader.search("grandma", by="tags").photos] == [1.0]
        assert len(reader.search(filters=Filters(rating=(4, 5))).photos) == 1
        assert len(reader.search(filters=Filters(rating=(5, 5))).photos) == 0
        seen = reader.photo(photo)
    assert seen.keywords == (Keyword("grandma", "sidecar"),)
    assert "grandma" not in {tag.tag for tag in seen.tags}


def test_what_is_in_the_file_follows_its_content(library: Library, root: Path) -> None:
    metadata = Metadata(64, 48, "JPEG", keywords=("Rome", "trip"), rating=5)
    seen = Findings(metadata, FINDINGS.tags, FINDINGS.embedding, (), None)
    put(root / "a.jpg", 1)
    put(root / "b.jpg", 1)
    library.walk()
    library.look(findings=seen)
    assert keywords(library) == [(word, "file") for word in ("Rome", "Rome", "trip", "trip")]
    assert library.rows("SELECT rating FROM photos") == [(5,), (5,)]
