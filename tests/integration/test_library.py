"""`scened.Library`: what it tells of photos, and who follows along."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import scened
from scened.cli.plot import draw_stats
from scened.errors import ForeignDatabase, MissingPath
from scened.records import TagCount
from tests.integration.conftest import FINDINGS, Library, put, show


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
