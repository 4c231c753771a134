"""What is left alone by default, and by the words of ignore files."""

from __future__ import annotations

from pathlib import Path

import pytest

from scened.photos.ignore import FOLDER_NAMES, FOLDER_SUFFIXES, FolderRules, root_rules, rules_for


def taken(root: Path, path: str) -> bool:
    """Tell whether a photo at a path inside a root is looked at, asking folder by folder."""
    *folders, name = path.encode().split(b"/")
    rules: FolderRules | None = root_rules(bytes(root))
    for folder in folders:
        if rules is None:
            return False
        rules = rules.enter(folder)
    return rules is not None and rules.takes_file(name)


def ignore(folder: Path, *lines: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".scenedignore").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("path", ["a.jpg", "b/c/d.heic", "photos.app.d/x.jpg", "trash/x.jpg"])
def test_ordinary_photos_are_taken(tmp_path: Path, path: str) -> None:
    assert taken(tmp_path, path)


@pytest.mark.parametrize(
    "path",
    [
        ".a.jpg",
        "._a.jpg",
        ".thumbnails/a.jpg",
        ".Trash-1000/files/a.jpg",
        "b/.cache/c/a.jpg",
        *(f"{name.decode()}/a.jpg" for name in FOLDER_NAMES),
        *(f"b/Mine{suffix.decode()}/c/a.jpg" for suffix in FOLDER_SUFFIXES),
    ],
)
def test_hidden_things_caches_and_other_programs_folders_are_left_alone(
    tmp_path: Path, path: str
) -> None:
    assert not taken(tmp_path, path)


def test_a_hidden_root_was_named_on_purpose(tmp_path: Path) -> None:
    (tmp_path / ".photos").mkdir()
    assert taken(tmp_path / ".photos", "a.jpg")


@pytest.mark.promise(
    "privacy: `.nomedia`",
    "its folder and all below are left alone",
)
def test_nomedia_leaves_its_folder_and_all_below_alone(tmp_path: Path) -> None:
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "b" / ".nomedia").touch()
    assert [taken(tmp_path, path) for path in ("a.jpg", "b/a.jpg", "b/c/a.jpg")] == [
        True,
        False,
        False,
    ]


def test_nomedia_in_a_root_leaves_all_of_it_alone(tmp_path: Path) -> None:
    (tmp_path / ".nomedia").touch()
    assert root_rules(bytes(tmp_path)) is None


@pytest.mark.parametrize(
    ("lines", "path", "expected"),
    [
        (["*.png"], "a.png", False),
        (["*.png"], "b/a.png", False),
        (["*.png"], "a.jpg", True),
        (["/*.png"], "b/a.png", True),
        (["scans/"], "b/scans/a.jpg", False),
        (["scans/"], "scans.jpg", True),
        (["/scans"], "b/scans/a.jpg", True),
        (["b/c"], "b/c/a.jpg", False),
        (["**/raw/**"], "b/raw/a.jpg", False),
        (["*.jpg", "!keep.jpg"], "keep.jpg", True),
        (["*.jpg", "!keep.jpg"], "b/other.jpg", False),
        (["/*", "!/keep/"], "keep/a.jpg", True),
        (["/*", "!/keep/"], "other/a.jpg", False),
        (["scans/*", "!scans/keep.jpg"], "scans/keep.jpg", True),
        (["scans/", "!scans/keep.jpg"], "scans/keep.jpg", False),
        (["IMG_?.jpg"], "IMG_1.jpg", False),
        (["IMG_[0-4].jpg"], "IMG_7.jpg", True),
        (["# a comment", "", "   "], "a.jpg", True),
        (["\\#1.jpg"], "#1.jpg", False),
        (["日本*"], "日本.jpg", False),
    ],
)
@pytest.mark.promise(
    "privacy: `.scenedignore`",
    "patterns mean what they mean in .gitignore",
)
def test_patterns_mean_what_they_mean_in_gitignore(
    tmp_path: Path, lines: list[str], path: str, expected: bool
) -> None:
    ignore(tmp_path, *lines)
    assert taken(tmp_path, path) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a.jpg", False), ("b/a.jpg", True), ("b/c/a.jpg", True), ("b/scan.jpg", False)],
)
def test_the_ignore_file_nearest_to_a_photo_has_the_last_word(
    tmp_path: Path, path: str, expected: bool
) -> None:
    ignore(tmp_path, "*.jpg")
    ignore(tmp_path / "b", "!*.jpg", "scan.jpg")
    assert taken(tmp_path, path) is expected


def test_a_nested_ignore_file_speaks_of_its_own_folder_only(tmp_path: Path) -> None:
    ignore(tmp_path / "b", "/a.jpg")
    assert taken(tmp_path, "a.jpg")


@pytest.mark.parametrize("broken", ["!", "\\", "foo\\"])
def test_a_line_that_is_no_pattern_is_passed_over(tmp_path: Path, broken: str) -> None:
    ignore(tmp_path, "*.png", broken, "*.gif")
    assert [taken(tmp_path, name) for name in ("a.jpg", "a.png", "a.gif")] == [True, False, False]


def test_an_ignore_file_from_windows_is_read(tmp_path: Path) -> None:
    (tmp_path / ".scenedignore").write_bytes(b"\xef\xbb\xbf*.png\r\n*.gif\r\n")
    assert [taken(tmp_path, name) for name in ("a.jpg", "a.png", "a.gif")] == [True, False, False]


def test_patterns_and_names_need_not_be_utf_8(tmp_path: Path) -> None:
    (tmp_path / ".scenedignore").write_bytes(b"caf\xe9*\n")
    rules = root_rules(bytes(tmp_path))
    assert rules is not None
    assert (rules.takes_file(b"caf\xe9.jpg"), rules.takes_file(b"caf\xe8.jpg")) == (False, True)


def test_an_ignore_file_that_is_a_folder_says_nothing(tmp_path: Path) -> None:
    (tmp_path / ".scenedignore").mkdir()
    assert taken(tmp_path, "a.jpg")


@pytest.mark.parametrize("folder", ["b/.c/d", "b/skip/d", "x/nomedia/d"])
def test_a_folder_below_one_that_is_left_alone_has_no_rules(tmp_path: Path, folder: str) -> None:
    ignore(tmp_path, "skip/")
    (tmp_path / "x" / "nomedia").mkdir(parents=True)
    (tmp_path / "x" / "nomedia" / ".nomedia").touch()
    assert rules_for(bytes(tmp_path), folder.encode()) is None


def test_the_rules_of_a_folder_are_those_reached_from_the_root(tmp_path: Path) -> None:
    ignore(tmp_path, "*.png")
    ignore(tmp_path / "b" / "c", "!*.png")
    rules = rules_for(bytes(tmp_path), b"b/c")
    assert rules is not None
    assert (rules.folder, rules.path, rules.takes_file(b"a.png")) == (
        b"b/c",
        bytes(tmp_path / "b" / "c"),
        True,
    )
