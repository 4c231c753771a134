"""The packs beside a database: taken in only when they keep their promises, used by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from scened.analysis.trial import try_pack
from scened.errors import CannotCreate, DamagedPack, MissingPath
from scened.models.pack import SHAPES, default_pack_folder, open_pack
from scened.packs import Packs
from tests.packs import copy_pack


@pytest.fixture
def packs(tmp_path: Path) -> Packs:
    return Packs(tmp_path / "data" / "library.sqlite")


@pytest.fixture
def second(tmp_path: Path) -> Path:
    return copy_pack(tmp_path / "from-elsewhere")


def folder_of(packs: Packs, tmp_path: Path) -> list[str]:
    folder = tmp_path / "data" / "packs"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_the_pack_that_ships_is_in_use_at_first(packs: Packs) -> None:
    assert packs.open(packs.active()).folder == default_pack_folder()


def test_an_added_pack_is_a_private_copy(packs: Packs, second: Path, tmp_path: Path) -> None:
    pack = packs.add(second)
    assert pack.folder == tmp_path / "data" / "packs" / pack.identity
    assert {path.stat().st_mode & 0o077 for path in (pack.folder, *pack.folder.iterdir())} == {0}
    assert open_pack(pack.folder).manifest == open_pack(second).manifest


def test_only_files_that_the_manifest_names_are_copied(packs: Packs, second: Path) -> None:
    (second / "notes.txt").write_text("hello")
    (second / "inner").mkdir()
    names = {path.name for path in packs.add(second).folder.iterdir()}
    assert names == {"pack.json", *open_pack(second).manifest.files}


def test_adding_does_not_use(packs: Packs, second: Path) -> None:
    before = packs.active()
    packs.add(second)
    assert packs.active() == before


def test_adding_twice_is_adding_once(packs: Packs, second: Path) -> None:
    assert packs.add(second) == packs.add(second)


def test_another_pack_of_the_same_name_is_refused(
    packs: Packs, second: Path, tmp_path: Path
) -> None:
    packs.add(second)
    with pytest.raises(CannotCreate, match="another pack"):
        packs.add(copy_pack(tmp_path / "other", summary="another one"))


@pytest.mark.promise(
    "pack: a network that does not run",
    "tried in a confined process, refused, nothing is left",
)
def test_a_pack_whose_network_does_not_run_leaves_nothing_behind(
    packs: Packs, tmp_path: Path
) -> None:
    broken = copy_pack(tmp_path / "broken", network=b"\x08\x08" * 100)
    with pytest.raises(DamagedPack, match="cannot be loaded"):
        packs.add(broken)
    assert folder_of(packs, tmp_path) == []


def test_a_pack_that_is_damaged_leaves_nothing_behind(
    packs: Packs, second: Path, tmp_path: Path
) -> None:
    with (second / "image.onnx").open("ab") as file:
        file.write(b"?")
    with pytest.raises(DamagedPack, match="is damaged"):
        packs.add(second)
    assert folder_of(packs, tmp_path) == []


def test_a_folder_that_is_not_there_is_refused(packs: Packs, tmp_path: Path) -> None:
    with pytest.raises(MissingPath):
        packs.add(tmp_path / "nowhere")


def test_a_data_folder_that_cannot_be_made_is_told(
    packs: Packs, second: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(CannotCreate, match="cannot write"):
        packs.add(second)


def test_a_pack_in_use_stays_so(packs: Packs, second: Path, tmp_path: Path) -> None:
    identity = packs.use(packs.add(second).identity).identity
    assert Packs(tmp_path / "data" / "library.sqlite").active() == identity


def test_a_pack_that_is_not_there_cannot_be_used(packs: Packs) -> None:
    before = packs.active()
    with pytest.raises(MissingPath, match="there is no pack 'everyday-99'"):
        packs.use("everyday-99")
    assert packs.active() == before


@pytest.mark.parametrize("name", ["../everyday-1", "", ".", "active"])
@pytest.mark.promise(
    "pack: a path or link out of its folder",
    "refused",
)
def test_a_name_that_leads_elsewhere_is_no_pack(packs: Packs, name: str) -> None:
    with pytest.raises(MissingPath):
        packs.use(name)


def test_a_renamed_folder_is_not_the_pack_it_says(packs: Packs, second: Path) -> None:
    pack = packs.add(second)
    pack.folder.rename(pack.folder.with_name("everyday-3"))
    with pytest.raises(DamagedPack, match="calls itself"):
        packs.open("everyday-3")


def test_a_trial_times_every_shape() -> None:
    timings = try_pack(default_pack_folder())
    assert tuple((each.height, each.width) for each in timings) == SHAPES
    assert all(each.milliseconds > 0 for each in timings)
