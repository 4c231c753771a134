"""What the walk makes of roots and folders that cannot be seen, or ask to be left alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scened.findings import Findings, TagScore
from scened.store.catalogue import miss_file
from scened.store.places import Place
from tests.integration.conftest import (
    FINDINGS,
    Library,
    fill,
    known,
    make_pack,
    mounted,
    put,
    without_privileges,
)


class TestBeingAway:
    """Roots and folders that cannot be seen for a while."""

    @pytest.mark.usefixtures("looked_at")
    def test_a_root_that_is_away_keeps_its_photos_as_missing(
        self, library: Library, root: Path
    ) -> None:
        root.rename(root.with_name("unplugged"))
        library.walk()
        assert (library.let_go(), library.statuses()) == (0, {"missing"})

    @pytest.mark.usefixtures("looked_at")
    def test_a_root_that_comes_back_needs_no_look(self, library: Library, root: Path) -> None:
        before = known(library)
        root.rename(root.with_name("unplugged"))
        library.walk()
        library.let_go()
        root.with_name("unplugged").rename(root)
        library.walk()
        assert known(library) == before

    @pytest.mark.usefixtures("looked_at")
    def test_photos_deleted_while_their_root_was_away_go_when_it_is_back(
        self, library: Library, root: Path
    ) -> None:
        root.rename(root.with_name("unplugged"))
        library.walk()
        (root.with_name("unplugged") / "0.jpg").unlink()
        root.with_name("unplugged").rename(root)
        library.walk()
        assert library.let_go() == 1

    def test_what_changed_while_away_is_searched_as_it_is_now(
        self, library: Library, root: Path, tmp_path: Path, looked_at: list[Path]
    ) -> None:
        library.watch(tmp_path / "other")
        shutil.copy(looked_at[0], tmp_path / "other" / "copy.jpg")
        library.walk()
        library.look()
        root.rename(root.with_name("unplugged"))
        library.walk()
        newer = library.activate(make_pack("2"))
        beach = TagScore("beach", 0.9)
        library.look(newer, Findings(FINDINGS.metadata, (beach,), b"\1" * 256, (), None))
        root.with_name("unplugged").rename(root)
        library.walk()
        found = library.rows("SELECT rowid FROM photo_search WHERE tags MATCH 'seaside'")
        assert (library.id_of(looked_at[0]),) in found

    @pytest.mark.promise(
        "watch: a drive is unplugged",
        "its photos are kept as missing",
    )
    def test_the_bare_mount_point_of_another_device_means_away(
        self, library: Library, looked_at: list[Path]
    ) -> None:
        for path in looked_at:
            path.unlink()
        library.write("UPDATE root SET device = device + 1")
        library.walk()
        assert (library.let_go(), library.statuses()) == (0, {"missing"})

    @pytest.mark.promise(
        "watch: a drive is unplugged",
        "its photos are kept as missing",
    )
    def test_a_drive_that_is_unplugged_keeps_its_photos(self, library: Library, root: Path) -> None:
        with mounted(root):
            fill(root)
            library.walk()
            library.look()
        library.walk()
        assert (library.let_go(), library.statuses()) == (0, {"missing"})

    def test_photos_missed_before_anyone_noticed_that_their_drive_is_away_stay(
        self, library: Library, root: Path
    ) -> None:
        with mounted(root):
            paths = fill(root)
            library.walk()
        (the_root,) = library.roots()
        with library.database.writing() as connection:
            for path in paths:
                miss_file(connection, the_root, Place(the_root.id, b"", path.name.encode()))
        assert (library.let_go(), library.statuses()) == (0, {"missing"})

    @pytest.mark.promise(
        "watch: a drive is unplugged",
        "its photos are kept as missing",
    )
    def test_a_drive_mounted_inside_a_root_keeps_its_photos_when_unplugged(
        self, library: Library, root: Path
    ) -> None:
        put(root / "a.jpg", 7)
        (root / "2024" / "drive").mkdir(parents=True)
        with mounted(root / "2024" / "drive"):
            fill(root / "2024" / "drive" / "inner")
            library.walk()
            library.look()
        library.walk()
        assert (library.let_go(), library.statuses()) == (0, {"analysed", "missing"})

    def test_what_was_deleted_on_a_drive_inside_a_root_goes(
        self, library: Library, root: Path
    ) -> None:
        (root / "drive").mkdir()
        with mounted(root / "drive"):
            paths = fill(root / "drive")
            library.walk()
            paths[0].unlink()
            library.walk()
            assert library.let_go() == 1

    @pytest.mark.promise(
        "watch: a drive comes back under another number",
        "the same photos, no second look",
    )
    def test_a_drive_that_comes_back_under_another_number_is_the_same(
        self, library: Library, root: Path, looked_at: list[Path]
    ) -> None:
        before = known(library)
        library.write("UPDATE file SET device = device + 1")
        library.write("UPDATE root SET device = device + 1")
        looked_at[0].unlink()
        library.walk()
        assert library.let_go() == 1  # it was deleted while the number changed
        assert known(library) == [row for row in before if row[0] != 1]

    @pytest.mark.usefixtures("looked_at")
    def test_a_file_in_place_of_a_root_means_away(self, library: Library, root: Path) -> None:
        root.rename(root.with_name("moved"))
        root.touch()
        library.walk()
        assert (library.let_go(), library.statuses()) == (0, {"missing"})

    def test_a_new_library_on_another_drive_is_taken(self, library: Library, root: Path) -> None:
        library.walk()
        with mounted(root):
            fill(root)
            library.walk()
            assert len(library.paths()) == 3

    @pytest.mark.promise(
        "watch: a folder cannot be listed",
        "what is known of it is kept",
    )
    @pytest.mark.parametrize("mode", [0, 0o444], ids=["nothing", "names and nothing else"])
    def test_a_folder_of_which_one_may_learn_little_keeps_what_is_known(
        self, library: Library, root: Path, mode: int
    ) -> None:
        fill(root / "locked" / "inner")
        fill(root / "locked")
        library.walk()
        library.look()
        before = known(library)
        (root / "locked").chmod(mode)
        try:
            with without_privileges():
                library.walk()
                library.let_go()
        finally:
            (root / "locked").chmod(0o755)
        assert known(library) == before

    def test_a_folder_that_cannot_be_entered_does_not_hide_its_neighbours(
        self, library: Library, root: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (root / "locked").mkdir(mode=0)
        neighbour = put(root / "a.jpg")
        with without_privileges():
            library.walk()
        assert library.paths() == {str(neighbour)}
        assert "folders that cannot be read: 1" in caplog.text


class TestLeavingAlone:
    """What ignore files ask for, on a library that is known already."""

    @pytest.mark.parametrize(
        ("name", "words", "left"),
        [
            (".nomedia", "", {"a.jpg"}),
            (".scenedignore", "*.jpg\n", {"a.jpg"}),
            (".scenedignore", "*.jpg\n!c.jpg\n", {"a.jpg", "b/c.jpg"}),
            (".scenedignore", "d/\n", {"a.jpg", "b/c.jpg"}),
        ],
    )
    @pytest.mark.promise(
        "privacy: an ignore file appears",
        "what it names is dropped",
    )
    def test_an_ignore_file_that_appears_drops_photos(
        self, library: Library, root: Path, name: str, words: str, left: set[str]
    ) -> None:
        for path in ("a.jpg", "b/c.jpg", "b/d/e.jpg"):
            put(root / path)
        library.walk()
        (root / "b" / name).write_text(words)
        library.walk()
        assert library.paths() == {str(root / path) for path in left}

    def test_photos_come_back_when_the_ignore_file_goes(self, library: Library, root: Path) -> None:
        put(root / "b" / "a.jpg")
        (root / "b" / ".nomedia").touch()
        library.walk()
        (root / "b" / ".nomedia").unlink()
        library.walk()
        assert library.paths() == {str(root / "b" / "a.jpg")}

    def test_a_folder_renamed_to_a_hidden_one_drops_its_photos(
        self, library: Library, root: Path
    ) -> None:
        put(root / "b" / "a.jpg")
        library.walk()
        (root / "b").rename(root / ".b")
        library.walk()
        library.let_go()
        assert library.paths() == set()

    def test_hidden_folders_caches_and_ignored_ones_are_not_walked(
        self, library: Library, root: Path
    ) -> None:
        for folder in (".hidden", "Mine.lrdata/x", "@eaDir", "skip", "b/.thumbnails"):
            put(root / folder / "a.jpg")
        (root / ".scenedignore").write_text("skip/\n")
        library.walk()
        assert library.paths() == set()
