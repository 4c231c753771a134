"""The video of a Live Photo shares the stack of its still, and is no photo."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

import scened
from scened.photos.settle import SETTLE_SECONDS
from scened.store.places import displayed
from tests.integration.conftest import Library, jpeg, known, put
from tests.integration.following import Following


def film(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"no video that could be decoded")
    return path


def together(library: Library) -> set[tuple[str, str]]:
    """Return which photo shares its stack with which video."""
    rows = library.rows(
        "SELECT photos.path_bytes, companions.path_bytes"
        " FROM photos JOIN companions USING (stack_id)"
    )
    return {(os.fsdecode(photo), os.fsdecode(video)) for photo, video in rows}


@pytest.fixture
def live(library: Library, root: Path) -> tuple[Path, Path]:
    """A still and its video, both known."""
    pair = put(root / "IMG_1.HEIC"), film(root / "IMG_1.MOV")
    library.walk()
    return pair


@pytest.mark.parametrize(
    ("still", "video"),
    [
        ("IMG_1.HEIC", "IMG_1.MOV"),
        ("IMG_1.JPG", "IMG_1.mov"),
        ("IMG_1.jpeg", "IMG_1.Mp4"),
        ("IMG_1.heic", "img_1.MP4"),
        ("IMG_1.DNG", "IMG_1.MOV"),
        ("2019/Rome/IMG_1.HEIC", "2019/Rome/IMG_1.MOV"),
        ("PXL_1.MP.jpg", "PXL_1.mp4"),
    ],
)
def test_a_video_shares_the_stack_of_its_still(
    library: Library, root: Path, still: str, video: str
) -> None:
    put(root / still)
    film(root / video)
    library.walk()
    assert together(library) == {(str(root / still), str(root / video))}


@pytest.mark.parametrize(
    ("photo", "video"),
    [
        ("IMG_1.HEIC", "IMG_2.MOV"),
        ("a/IMG_1.HEIC", "b/IMG_1.MOV"),
        ("IMG_1.png", "IMG_1.MOV"),
        ("IMG_1.HEIC", "IMG_1.avi"),
        ("IMG_1.HEIC", ".IMG_1.MOV"),
    ],
)
def test_another_video_is_nothing_to_us(
    library: Library, root: Path, photo: str, video: str
) -> None:
    put(root / photo)
    film(root / video)
    library.walk()
    assert library.rows("SELECT stack_id FROM photos") == [(None,)]
    assert library.rows("SELECT * FROM companion") == []


def test_a_video_that_is_to_be_left_alone_is(library: Library, root: Path) -> None:
    put(root / "IMG_1.HEIC")
    film(root / "IMG_1.MOV")
    (root / ".scenedignore").write_text("*.MOV\n")
    library.walk()
    assert together(library) == set()


def test_a_link_or_a_folder_is_no_video(library: Library, root: Path, tmp_path: Path) -> None:
    put(root / "IMG_1.HEIC")
    (root / "IMG_1.MOV").symlink_to(film(tmp_path / "elsewhere.mov"))
    (root / "IMG_1.mp4").mkdir()
    library.walk()
    assert together(library) == set()


def test_a_video_is_never_opened(library: Library, root: Path) -> None:
    put(root / "IMG_1.HEIC")
    os.mkfifo(root / "IMG_1.mov")  # opening it would wait for ever
    film(root / "IMG_1.MOV").chmod(0)
    library.walk()
    assert together(library) == {(str(root / "IMG_1.HEIC"), str(root / "IMG_1.MOV"))}


def test_a_video_is_no_photo(library: Library, live: tuple[Path, Path]) -> None:
    library.look()
    assert library.paths() == {str(live[0])}
    assert library.statuses() == {"analysed"}
    assert library.rows("SELECT count(*) FROM photo_search") == [(1,)]


def test_raw_jpeg_and_video_are_one_stack(library: Library, root: Path) -> None:
    photos = put(root / "IMG_1.DNG", 0), put(root / "IMG_1.JPG", 1)
    video = film(root / "IMG_1.MOV")
    library.walk()
    assert together(library) == {(str(photo), str(video)) for photo in photos}
    assert library.one("SELECT count(*) FROM companions") == 1


def test_the_video_stays_with_those_that_stay(library: Library, root: Path) -> None:
    photos = put(root / "IMG_1.DNG", 0), put(root / "IMG_1.JPG", 1)
    video = film(root / "IMG_1.MOV")
    library.walk()
    oldest = min(photos, key=library.id_of)
    oldest.unlink()
    library.walk()
    library.let_go()
    (left,) = set(photos) - {oldest}
    assert together(library) == {(str(left), str(video))}


def test_a_stack_needs_its_video_or_another_photo(
    library: Library, live: tuple[Path, Path]
) -> None:
    live[1].unlink()
    library.walk()
    assert library.rows("SELECT stack_id FROM photos") == [(None,)]
    assert library.rows("SELECT * FROM companion") == []


def test_the_video_goes_with_its_still(library: Library, live: tuple[Path, Path]) -> None:
    live[0].unlink()
    library.walk()
    library.let_go()
    assert library.rows("SELECT * FROM companion") == []


def test_both_move_and_stay_together(library: Library, root: Path, live: tuple[Path, Path]) -> None:
    before = library.rows("SELECT id, stack_id FROM photos")
    (root / "a folder").mkdir()
    for path in live:
        path.rename(root / "a folder" / path.name)
    library.walk()
    library.let_go()
    assert together(library) == {
        (str(root / "a folder" / live[0].name), str(root / "a folder" / live[1].name))
    }
    assert library.rows("SELECT id, stack_id FROM photos") == before


def test_a_still_that_moves_alone_leaves_its_video(
    library: Library, root: Path, live: tuple[Path, Path]
) -> None:
    (root / "elsewhere").mkdir()
    live[0].rename(root / "elsewhere" / live[0].name)
    library.walk()
    library.let_go()
    assert together(library) == set()
    assert library.rows("SELECT stack_id FROM photos") == [(None,)]


def test_a_library_from_before_gets_its_videos_with_the_next_walk(
    library: Library, live: tuple[Path, Path]
) -> None:
    library.write("DELETE FROM companion")
    library.write("UPDATE file SET stack_id = NULL")
    library.walk()
    assert together(library) == {(str(live[0]), str(live[1]))}


def test_a_video_changes_the_seq_of_every_photo_in_its_stack(library: Library, root: Path) -> None:
    put(root / "IMG_1.DNG", 0)
    put(root / "IMG_1.JPG", 1)
    put(root / "IMG_2.JPG", 2)
    library.walk()
    before = library.one("SELECT max(seq) FROM photos")
    film(root / "IMG_1.MOV")
    library.walk()
    assert library.one("SELECT count(*) FROM photos WHERE seq > :before", before=before) == 2


def test_a_walk_that_finds_nothing_new_changes_nothing(
    library: Library, live: tuple[Path, Path]
) -> None:
    before = library.one("SELECT max(seq) FROM photos")
    library.walk()
    assert library.one("SELECT max(seq) FROM photos") == before


def test_a_name_that_is_not_utf_8_is_exact_and_can_be_shown(library: Library, root: Path) -> None:
    folder = os.fsencode(root) + b"/caf\xe9"
    put(Path(os.fsdecode(folder + b"/IMG\xff1.HEIC")))
    film(Path(os.fsdecode(folder + b"/IMG\xff1.MOV")))
    library.walk()
    assert library.rows("SELECT path, path_bytes FROM companions") == [
        (displayed(folder + b"/IMG\xff1.MOV"), folder + b"/IMG\xff1.MOV")
    ]


def test_the_stack_of_a_photo_is_found_by_an_index(
    library: Library, live: tuple[Path, Path]
) -> None:
    with library.database.reading() as connection:
        plan = connection.execute(
            text("EXPLAIN QUERY PLAN SELECT path FROM companions WHERE stack_id = 1")
        )
        assert "file_by_stack" in " ".join(row.detail for row in plan)


def test_the_reading_api_tells_of_the_video(library: Library, live: tuple[Path, Path]) -> None:
    with scened.Library.open(library.database.file) as reader:
        assert reader.photo(live[0]).companions == (str(live[1]),)


def tell(following: Following, *paths: Path) -> None:
    """Tell the follower of changes, and let it do what is due."""
    for path in paths:
        following.look_at(path)
    following.library.clock.advance(SETTLE_SECONDS)
    following.turns()


def test_a_video_that_comes_later_is_heard_of(
    library: Library, root: Path, following: Following
) -> None:
    video = film(root / "0.MOV")
    following.hear(video)
    following.turns()
    assert together(library) == {(str(root / "0.jpg"), str(video))}


def test_a_video_that_comes_first_waits_for_its_still(
    library: Library, root: Path, following: Following
) -> None:
    video = film(root / "new.MOV")
    tell(following, video)
    assert together(library) == set()
    (root / "new.jpg").write_bytes(jpeg(7))
    tell(following, root / "new.jpg")
    assert together(library) == {(str(root / "new.jpg"), str(video))}


def test_a_video_that_goes_is_heard_of(library: Library, root: Path, following: Following) -> None:
    video = film(root / "0.MOV")
    tell(following, video)
    video.unlink()
    following.hear(video)
    following.turns()
    assert together(library) == set()
    assert library.one("SELECT stack_id FROM photos WHERE path = :p", p=str(root / "0.jpg")) is None


@pytest.mark.parametrize("video_first", [False, True])
def test_a_renamed_pair_stays_one(
    library: Library, root: Path, following: Following, video_first: bool
) -> None:
    pair = [root / "0.jpg", film(root / "0.MOV")]
    tell(following, *pair)
    before = known(library)
    for path in reversed(pair) if video_first else pair:
        tell(following, path, path.rename(path.with_stem("renamed")))
    assert together(library) == {(str(root / "renamed.jpg"), str(root / "renamed.MOV"))}
    assert known(library) == before


def test_a_video_that_grows_makes_no_work(
    library: Library, root: Path, following: Following
) -> None:
    """A video of gigabytes that is being copied changes thousands of times."""
    video = film(root / "0.MOV")
    following.hear(video)
    with video.open("ab") as file:
        for _ in range(100):
            file.write(bytes(4096))
            file.flush()
    shutil.copy2(root / "1.jpg", root / "after.jpg")
    following.hear(root / "after.jpg")
    assert video.stat().st_size > 400_000
    assert following.heard.count(bytes(video)) == 1
