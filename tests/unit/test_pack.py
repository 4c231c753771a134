"""What a pack promises is verified before anything is done with it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scened.errors import DamagedPack
from scened.models.pack import MAXIMUM_BYTES, default_pack_folder, open_pack

NETWORK = b"any bytes: the pack does not look inside"


def label(name: str, parent: str | None = None, threshold: float = 0.5) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "object",
        "parent": parent,
        "synonyms": [],
        "threshold": threshold,
    }


def write_pack(folder: Path, **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "image.onnx").write_bytes(NETWORK)
    manifest: dict[str, Any] = {
        "interface": 1,
        "name": "tiny",
        "version": "1",
        "summary": "for tests",
        "licence": "Apache-2.0",
        "sources": [],
        "shapes": [[320, 320], [256, 320]],
        "labels": [label("animal"), label("dog", "animal")],
        "faces": {"threshold": 0.5, "overlap": 0.4},
        "files": {"image.onnx": hashlib.sha256(NETWORK).hexdigest()},
        "training_record": "",
    }
    (folder / "pack.json").write_text(json.dumps(manifest | changes))
    return folder


def test_a_sound_pack_names_itself(tmp_path: Path) -> None:
    assert open_pack(write_pack(tmp_path)).identity == "tiny-1"


def test_read_returns_the_verified_bytes(tmp_path: Path) -> None:
    assert open_pack(write_pack(tmp_path)).read("image.onnx") == NETWORK


def test_a_file_that_changes_after_opening_is_refused(tmp_path: Path) -> None:
    pack = open_pack(write_pack(tmp_path))
    (tmp_path / "image.onnx").write_bytes(NETWORK[:-1] + b"?")
    with pytest.raises(DamagedPack, match=r"image\.onnx .* is damaged"):
        pack.read("image.onnx")


def test_a_file_that_the_pack_does_not_name_is_not_read(tmp_path: Path) -> None:
    pack = open_pack(write_pack(tmp_path))
    (tmp_path / "notes.txt").write_bytes(b"hello")
    with pytest.raises(DamagedPack, match="has no file"):
        pack.read("notes.txt")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"surprise": 1}, "unknown field"),
        ({"labels": "all of them"}, "Expected `array`"),
        ({"interface": 0}, "interface 0"),
        ({"shapes": [[640, 640]]}, "shapes"),
        ({"shapes": []}, "shapes"),
        ({"name": "../tiny"}, "cannot be part of a pack's name"),
        ({"faces": {"threshold": 1.5, "overlap": 0.4}}, "face settings"),
        ({"faces": {"threshold": 0.5, "overlap": 0.4, "slope": 0}}, "probabilities"),
        ({"files": {}}, "image.onnx is not among"),
        ({"files": {"../image.onnx": "0" * 64}}, "cannot be a file of a pack"),
        ({"files": {"/etc/passwd": "0" * 64}}, "cannot be a file of a pack"),
        ({"files": {"pack.json": "0" * 64}}, "cannot be a file of a pack"),
        ({"files": {"image.onnx": "F" * 64}}, "not a SHA-256"),
        ({"labels": [label("dog"), label("dog")]}, "two labels"),
        ({"labels": [label(" ")]}, "no name"),
        ({"labels": [label("dog", "animal")]}, "is not a label"),
        ({"labels": [label("a", "b"), label("b", "a")]}, "its own ancestor"),
        ({"labels": [label("a", "b"), label("b", "b")]}, "its own ancestor"),
        ({"labels": [label("dog", threshold=-0.1)]}, "threshold"),
    ],
)
@pytest.mark.promise(
    "pack: a manifest that contradicts itself",
    "refused in words",
)
def test_a_manifest_that_breaks_the_format_is_refused(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(DamagedPack, match=reason):
        open_pack(write_pack(tmp_path, **changes))


@pytest.mark.promise(
    "pack: a newer interface",
    "refused with what to install",
)
def test_a_newer_pack_asks_for_a_newer_scened(tmp_path: Path) -> None:
    with pytest.raises(DamagedPack, match="install a newer scened"):
        open_pack(write_pack(tmp_path, interface=2, fields_of_the_future=True))


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"interface": "1"}', "\0"])
@pytest.mark.promise(
    "pack: a manifest that is none",
    "refused in words",
)
def test_a_manifest_that_is_not_one_is_refused(tmp_path: Path, text: str) -> None:
    write_pack(tmp_path)
    (tmp_path / "pack.json").write_text(text)
    with pytest.raises(DamagedPack, match=r"pack\.json"):
        open_pack(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedPack, match="there is no pack"):
        open_pack(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["pack.json", "image.onnx"])
def test_a_missing_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (write_pack(tmp_path) / name).unlink()
    with pytest.raises(DamagedPack, match=f"{name} is missing"):
        open_pack(tmp_path)


@pytest.mark.promise(
    "pack: a path or link out of its folder",
    "refused",
)
def test_a_link_out_of_the_pack_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(NETWORK)
    network = write_pack(tmp_path / "pack") / "image.onnx"
    network.unlink()
    network.symlink_to(outside)
    with pytest.raises(DamagedPack, match="cannot be read"):
        open_pack(tmp_path / "pack")


@pytest.mark.promise(
    "pack: a huge file",
    "refused before it fills memory",
)
def test_a_huge_file_is_refused_before_it_fills_memory(tmp_path: Path) -> None:
    with (write_pack(tmp_path) / "image.onnx").open("wb") as file:
        file.truncate(MAXIMUM_BYTES + 1)
    with pytest.raises(DamagedPack, match="larger than"):
        open_pack(tmp_path)


def test_the_pack_that_ships_is_sound_and_small() -> None:
    folder = default_pack_folder()
    assert open_pack(folder).identity == folder.name
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 12 * 1024 * 1024


def test_reading_packs_needs_no_numpy() -> None:
    code = (
        "import sys, scened.models.pack, scened.formats;"
        "sys.exit(any(m in sys.modules for m in ('numpy', 'PIL', 'onnxruntime')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_shipped_pack_names_the_record_of_its_training() -> None:
    record = Path(__file__).parents[2] / "models" / "training" / "records" / "everyday-1.json"
    digest = hashlib.sha256(record.read_bytes()).hexdigest()
    assert open_pack(default_pack_folder()).manifest.training_record == digest


def test_the_shipped_pack_is_small_enough_to_ship() -> None:
    files = default_pack_folder().iterdir()
    assert sum(file.stat().st_size for file in files) <= 12_000_000


def test_the_shipped_pack_knows_what_a_golden_retriever_is() -> None:
    labels = open_pack(default_pack_folder()).manifest.labels
    parents = {label.name: label.parent for label in labels}
    above, name = [], parents["golden retriever"]
    while name is not None:
        above.append(name)
        name = parents[name]
    assert above == ["retriever", "dog", "animal"]
