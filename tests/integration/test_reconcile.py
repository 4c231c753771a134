"""The walk: what happens on the disk, and what the catalogue makes of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from scened.photos.reconcile import reconcile
from scened.photos.settle import SETTLE_SECONDS, Settling
from tests.integration.conftest import FakeClock, Library, fill, known, put


class TestAppearing:
    """Files that turn up."""

    def test_photos_in_all_folders_are_found(self, library: Library, root: Path) -> None:
        paths = {str(put(root / path)) for path in ("a.jpg", "b/c.HEIC", "b/d/e.Png", "f/g.cr2")}
        library.walk()
        assert library.paths() == paths

    @pytest.mark.parametrize("name", ["a.txt", "jpg", "a.jpg.part", "a.mp4", ".a.jpg", "a"])
    def test_what_is_no_photo_by_its_name_is_not(
        self, library: Library, root: Path, name: str
    ) -> None:
        put(root / name)
        library.walk()
        assert library.paths() == set()

    def test_more_photos_than_one_transaction_holds(self, library: Library, root: Path) -> None:
        for number in range(600):
            (root / f"{number}.jpg").touch()
        library.walk()
        assert library.one("SELECT count(*) FROM photos") == 600

    @pytest.mark.usefixtures("looked_at")
    def test_a_second_walk_changes_nothing(self, library: Library) -> None:
        before = library.rows("SELECT * FROM photos")
        library.walk()
        assert library.rows("SELECT * FROM photos") == before

    @pytest.mark.usefixtures("looked_at")
    def test_a_second_walk_writes_nothing(self, library: Library) -> None:
        before = library.database.data_version()
        library.walk()
        assert library.database.data_version() == before

    def test_links_to_files_and_folders_are_not_followed(
        self, library: Library, root: Path, tmp_path: Path
    ) -> None:
        outside = put(tmp_path / "outside" / "a.jpg")
        (root / "file.jpg").symlink_to(outside)
        (root / "folder").symlink_to(outside.parent)
        (root / "folder.jpg").symlink_to(outside.parent)
        (root / "dangling.jpg").symlink_to(root / "nowhere")
        library.walk()
        assert library.paths() == set()

    def test_a_loop_of_links_ends(self, library: Library, root: Path) -> None:
        (root / "b").mkdir()
        (root / "b" / "loop").symlink_to(root)
        put(root / "b" / "a.jpg")
        library.walk()
        assert library.paths() == {str(root / "b" / "a.jpg")}

    def test_pipes_are_not_opened(self, library: Library, root: Path) -> None:
        os.mkfifo(root / "pipe.jpg")
        library.walk()
        assert library.paths() == set()

    def test_a_folder_with_the_name_of_a_photo_is_a_folder(
        self, library: Library, root: Path
    ) -> None:
        path = put(root / "b.jpg" / "a.jpg")
        library.walk()
        assert library.paths() == {str(path)}

    def test_a_file_that_is_being_written_settles_first(
        self, library: Library, root: Path, clock: FakeClock
    ) -> None:
        put(root / "a.jpg", age_seconds=0)
        settling = Settling(clock)
        (the_root,) = library.roots()
        for _ in reconcile(library.database, the_root, settling, fresh=lambda _: True):
            pass
        clock.advance(SETTLE_SECONDS)
        assert (library.paths(), [s.place.name for s in settling.settled()]) == (set(), [b"a.jpg"])

    def test_only_the_named_folder_is_walked(self, library: Library, root: Path) -> None:
        put(root / "a.jpg")
        inside = put(root / "b" / "c" / "a.jpg")
        (the_root,) = library.roots()
        for _ in reconcile(library.database, the_root, Settling(library.clock), b"b"):
            pass
        assert library.paths() == {str(inside)}


class TestMoving:
    """Files that go by another name now."""

    def test_a_renamed_photo_stays_the_same(
        self, library: Library, root: Path, looked_at: list[Path]
    ) -> None:
        before = known(library)
        looked_at[1].rename(root / "renamed.jpg")
        library.walk()
        assert (known(library), library.status_of(root / "renamed.jpg")) == (before, "analysed")

    def test_a_renamed_photo_is_found_by_its_new_name(
        self, library: Library, root: Path, looked_at: list[Path]
    ) -> None:
        looked_at[1].rename(root / "sunset.jpg")
        library.walk()
        assert library.rows("SELECT rowid FROM photo_search WHERE path MATCH 'sunset'") == [
            (library.id_of(root / "sunset.jpg"),)
        ]

    def test_a_photo_moved_over_another_and_on_stays_the_same(
        self, library: Library, root: Path, looked_at: list[Path]
    ) -> None:
        before = library.id_of(looked_at[1])
        looked_at[1].replace(looked_at[0])
        library.walk()
        looked_at[0].rename(root / "on.jpg")
        library.walk()
        assert library.id_of(root / "on.jpg") == before

    @pytest.mark.parametrize("folder", ["0", "z", "b/c"])
    def test_a_photo_moved_to_another_folder_stays_the_same(
        self, library: Library, root: Path, looked_at: list[Path], folder: str
    ) -> None:
        before = known(library)
        (root / folder).mkdir(parents=True)
        looked_at[1].rename(root / folder / "1.jpg")
        library.walk()
        assert (known(library), library.status_of(root / folder / "1.jpg")) == (before, "analysed")

    @pytest.mark.parametrize("name", ["other", "zzz"])
    def test_a_photo_moved_to_another_root_stays_the_same(
        self, library: Library, tmp_path: Path, looked_at: list[Path], name: str
    ) -> None:
        before = known(library)
        library.watch(tmp_path / name)
        looked_at[1].rename(tmp_path / name / "1.jpg")
        library.walk()
        assert (known(library), library.status_of(tmp_path / name / "1.jpg")) == (
            before,
            "analysed",
        )

    def test_a_photo_renamed_while_nobody_looked_and_already_missed_stays_the_same(
        self, library: Library, root: Path, tmp_path: Path, looked_at: list[Path]
    ) -> None:
        before = known(library)
        looked_at[1].rename(tmp_path / "away.jpg")
        library.walk()
        (tmp_path / "away.jpg").rename(root / "back.jpg")
        library.walk()
        assert (known(library), library.status_of(root / "back.jpg")) == (before, "analysed")

    def test_a_failed_photo_that_moved_is_still_failed(self, library: Library, root: Path) -> None:
        path = put(root / "a.jpg")
        library.walk()
        library.look(findings=None)
        library.write("UPDATE content SET outcome = 'failed', error = 'truncated'")
        library.write("UPDATE file SET status = 'failed', error = 'truncated'")
        path.rename(root / "b.jpg")
        library.walk()
        assert library.rows("SELECT status, error FROM photos") == [("failed", "truncated")]

    def test_a_renamed_folder_keeps_all_its_photos(self, library: Library, root: Path) -> None:
        for number in range(60):
            put(root / "holiday" / str(number % 7) / f"{number}.jpg", number)
        library.walk()
        library.look()
        before = known(library)
        (root / "holiday").rename(root / "Elba")
        library.walk()
        assert (known(library), library.let_go()) == (before, 0)

    def test_a_name_that_is_not_utf_8_any_more_is_shown_so(
        self, library: Library, root: Path, looked_at: list[Path]
    ) -> None:
        looked_at[1].rename(root / os.fsdecode(b"\xff.jpg"))
        library.walk()
        assert f"{root}/\ufffd.jpg" in library.paths()

    def test_two_photos_that_change_names_are_looked_at_again_under_their_names(
        self, library: Library, root: Path, looked_at: list[Path]
    ) -> None:
        hashes = dict(library.rows("SELECT path, content_hash FROM photos"))
        looked_at[0].rename(root / "x.jpg")
        looked_at[1].rename(looked_at[0])
        (root / "x.jpg").rename(looked_at[1])
        library.walk()
        assert library.look() == 0
        assert dict(library.rows("SELECT path, content_hash FROM photos")) == {
            **hashes,
            str(looked_at[0]): hashes[str(looked_at[1])],
            str(looked_at[1]): hashes[str(looked_at[0])],
        }

    def test_a_folder_that_moved_and_left_a_link_keeps_its_photos(
        self, library: Library, root: Path
    ) -> None:
        put(root / "old" / "inner" / "a.jpg")
        library.walk()
        library.look()
        before = known(library)
        (root / "old").rename(root / "new")
        (root / "old").symlink_to(root / "new")
        library.walk()
        assert (known(library), library.paths()) == (before, {str(root / "new/inner/a.jpg")})


class TestCopying:
    """One content under several names."""

    def test_a_copy_is_another_photo_that_waits(
        self, library: Library, root: Path, looked_at: list[Path]
    ) -> None:
        shutil.copy2(looked_at[0], root / "copy.jpg")
        library.walk()
        assert (
            library.one("SELECT count(*) FROM photos"),
            library.status_of(root / "copy.jpg"),
        ) == (
            4,
            "pending",
        )

    def test_a_copy_costs_no_second_look(
        self, library: Library, root: Path, looked_at: list[Path]
    ) -> None:
        shutil.copy2(looked_at[0], root / "copy.jpg")
        library.walk()
        assert (library.look(), library.statuses()) == (0, {"analysed"})

    def test_a_hard_link_shares_what_is_known_at_once(
        self, library: Library, root: Path, looked_at: list[Path]
    ) -> None:
        (root / "link.jpg").hardlink_to(looked_at[0])
        library.walk()
        assert library.status_of(root / "link.jpg") == "analysed"

    def test_a_hard_link_can_be_searched_by_what_it_shows(
        self, library: Library, root: Path, looked_at: list[Path]
    ) -> None:
        (root / "link.jpg").hardlink_to(looked_at[0])
        library.walk()
        found = library.rows("SELECT rowid FROM photo_search WHERE tags MATCH 'puppy'")
        assert (library.id_of(root / "link.jpg"),) in found

    def test_a_hard_link_to_a_photo_not_yet_looked_at_waits_as_well(
        self, library: Library, root: Path
    ) -> None:
        (root / "link.jpg").hardlink_to(put(root / "a.jpg"))
        library.walk()
        assert library.rows("SELECT status FROM photos") == [("pending",), ("pending",)]

    def test_of_two_hard_links_one_can_be_renamed(
        self, library: Library, root: Path, looked_at: list[Path]
    ) -> None:
        (root / "link.jpg").hardlink_to(looked_at[0])
        library.walk()
        before = known(library)
        (root / "link.jpg").rename(root / "renamed.jpg")
        library.walk()
        assert known(library) == before


class TestChanging:
    """Files whose content or time is another."""

    def test_an_edited_photo_waits(self, library: Library, looked_at: list[Path]) -> None:
        put(looked_at[0], 9)
        library.walk()
        assert library.status_of(looked_at[0]) == "pending"

    def test_an_edited_photo_keeps_its_id(self, library: Library, looked_at: list[Path]) -> None:
        before = library.id_of(looked_at[0])
        put(looked_at[0], 9)
        library.walk()
        assert library.id_of(looked_at[0]) == before

    def test_a_photo_that_another_was_saved_over_waits(
        self, library: Library, root: Path, looked_at: list[Path]
    ) -> None:
        put(root / "temporary", 9, age_seconds=60).replace(looked_at[0])
        library.walk()
        assert library.status_of(looked_at[0]) == "pending"

    def test_a_touched_photo_waits(self, library: Library, looked_at: list[Path]) -> None:
        os.utime(looked_at[0], (1e9, 1e9))
        library.walk()
        assert library.status_of(looked_at[0]) == "pending"

    def test_a_touched_photo_costs_no_second_look(
        self, library: Library, looked_at: list[Path]
    ) -> None:
        os.utime(looked_at[0], (1e9, 1e9))
        library.walk()
        assert (library.look(), library.statuses()) == (0, {"analysed"})

    def test_an_edit_forgives_earlier_crashes(
        self, library: Library, looked_at: list[Path]
    ) -> None:
        library.write("UPDATE file SET attempts = 3, status = 'failed', error = 'crashed'")
        put(looked_at[0], 9)
        library.walk()
        assert library.pending() == [library.id_of(looked_at[0])]


class TestDisappearing:
    """Files that are not there any more."""

    def test_a_deleted_photo_is_missing(self, library: Library, looked_at: list[Path]) -> None:
        looked_at[0].unlink()
        library.walk()
        assert library.status_of(looked_at[0]) == "missing"

    def test_a_missing_photo_is_let_go(self, library: Library, looked_at: list[Path]) -> None:
        looked_at[0].unlink()
        library.walk()
        library.let_go()
        assert library.paths() == {str(path) for path in looked_at[1:]}

    def test_all_photos_of_a_root_can_be_deleted(
        self, library: Library, looked_at: list[Path]
    ) -> None:
        for path in looked_at:
            path.unlink()
        library.walk()
        assert library.let_go() == 3

    def test_a_deleted_folder_takes_its_photos_along(self, library: Library, root: Path) -> None:
        fill(root / "b" / "c")
        put(root / "bc" / "a.jpg")
        library.walk()
        shutil.rmtree(root / "b")
        library.walk()
        library.let_go()
        assert library.paths() == {str(root / "bc" / "a.jpg")}

    def test_a_photo_that_is_back_before_it_is_let_go_needs_no_look(
        self, library: Library, tmp_path: Path, looked_at: list[Path]
    ) -> None:
        before = known(library)
        looked_at[0].rename(tmp_path / "away.jpg")
        library.walk()
        (tmp_path / "away.jpg").rename(looked_at[0])
        library.walk()
        assert (known(library), library.let_go()) == (before, 0)

    def test_a_photo_replaced_by_a_link_is_dropped(
        self, library: Library, looked_at: list[Path]
    ) -> None:
        looked_at[0].unlink()
        looked_at[0].symlink_to(looked_at[1])
        library.walk()
        assert library.paths() == {str(path) for path in looked_at[1:]}
