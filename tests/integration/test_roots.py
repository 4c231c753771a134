"""Watched folders, one inside another, and the root of the file system."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scened.store.places import join
from scened.store.roots import Root, add_root, covering_root, remove_root, roots
from tests.integration.conftest import Library, known, put


def add(library: Library, path: bytes) -> Root:
    with library.database.writing() as connection:
        return add_root(connection, path)


@pytest.mark.parametrize(
    ("path", "covered"),
    [(b"/a", True), (b"/a/b", True), (b"/ab", False), (b"/", False), (b"", False), (b"/A", False)],
)
def test_a_root_covers_itself_and_what_is_inside(
    library: Library, path: bytes, covered: bool
) -> None:
    add(library, b"/a")
    with library.database.reading() as connection:
        assert (covering_root(connection, path) is not None) is covered


def test_a_folder_inside_a_root_makes_no_other(library: Library) -> None:
    assert (add(library, b"/a"), len({add(library, b"/a/b").id, 1})) == (
        Root(1, b"/a", None, True),
        1,
    )


def test_the_root_folder_covers_everything(library: Library) -> None:
    outermost = add(library, b"")
    assert add(library, b"/a/b") == outermost


def test_the_root_folder_is_shown_as_a_slash(library: Library) -> None:
    assert add(library, b"").shown == "/"


def test_a_parent_takes_over_roots_inside_it(library: Library) -> None:
    for path in (b"/a/b", b"/a/c/d", b"/ab"):
        add(library, path)
    add(library, b"/a")
    assert {root.path for root in library.roots()} == {b"/a", b"/ab"}


@pytest.mark.parametrize("inside", [b"inner", b"in/ner", b"caf\xe9"])
@pytest.mark.parametrize("name", [b"a.jpg", b"b/c.jpg", b"\xff/d.jpg"])
def test_photos_taken_over_stay_the_same_in_all_but_their_root(
    library: Library, tmp_path: Path, inside: bytes, name: bytes
) -> None:
    folder = Path(os.fsdecode(bytes(tmp_path) + b"/" + inside))
    library.watch(folder)
    put(folder / os.fsdecode(name))
    library.walk()
    library.look()
    before = known(library), library.rows("SELECT path, path_bytes FROM photos")
    add(library, bytes(tmp_path))
    assert (known(library), library.rows("SELECT path, path_bytes FROM photos")) == before


def test_a_walk_after_taking_over_changes_nothing(library: Library, tmp_path: Path) -> None:
    library.watch(tmp_path / "inner")
    put(tmp_path / "inner" / "b" / "a.jpg")
    library.walk()
    library.look()
    add(library, bytes(tmp_path))
    before = library.rows("SELECT * FROM photos")
    library.walk()
    assert (library.let_go(), library.rows("SELECT * FROM photos")) == (0, before)


def test_the_root_folder_takes_over_every_root(library: Library, tmp_path: Path) -> None:
    library.watch(tmp_path / "inner")
    path = put(tmp_path / "inner" / "a.jpg")
    library.walk()
    add(library, b"")
    assert library.rows("SELECT root, path, path_bytes FROM photos") == [
        ("/", str(path), bytes(path))
    ]


def test_a_photo_directly_in_the_root_folder_has_one_slash(library: Library) -> None:
    root = add(library, b"")
    library.write(
        "INSERT INTO file (root_id, folder, name, device, inode, size, modified_ns)"
        " VALUES (:root, x'', :name, 1, 1, 1, 1)",
        root=root.id,
        name=b"a.jpg",
    )
    assert library.rows("SELECT path, path_bytes FROM photos") == [("/a.jpg", b"/a.jpg")]
    assert join(root.path, b"", b"a.jpg") == b"/a.jpg"


def test_removing_a_root_forgets_its_photos_only(library: Library, tmp_path: Path) -> None:
    for name in ("one", "two"):
        library.watch(tmp_path / name)
        put(tmp_path / name / "a.jpg")
    library.walk()
    with library.database.writing() as connection:
        assert remove_root(connection, roots(connection)[0]) == 1
    assert library.paths() == {str(tmp_path / "two" / "a.jpg")}


def test_removing_a_root_leaves_its_files(library: Library, root: Path) -> None:
    path = put(root / "a.jpg")
    library.walk()
    with library.database.writing() as connection:
        remove_root(connection, roots(connection)[0])
    assert path.exists()


def test_photos_of_a_removed_root_are_named_in_removed(library: Library, root: Path) -> None:
    photo_id = (put(root / "a.jpg"), library.walk(), library.id_of(root / "a.jpg"))[-1]
    with library.database.writing() as connection:
        remove_root(connection, roots(connection)[0])
    assert library.rows("SELECT photo_id FROM removed") == [(photo_id,)]
