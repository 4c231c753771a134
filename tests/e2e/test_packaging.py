"""What is built from the checkout works away from it."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.e2e.conftest import Scened, age
from tests.photos import photo, write_photo

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist and the wheel, the wheel made from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", folder, REPOSITORY],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="session")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a clean environment that only the wheel was installed in."""
    environment = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    (wheel,) = built.glob("*.whl")
    subprocess.run(
        [environment / "bin" / "pip", "install", "--quiet", wheel], check=True, capture_output=True
    )
    return environment / "bin"


def names_in_wheel(built: Path) -> list[str]:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_brings_nothing_but_scened(built: Path) -> None:
    top = {name.split("/")[0] for name in names_in_wheel(built)}
    ours = {name for name in top if not name.endswith((".dist-info", ".data"))}
    assert ours == {"scened"}


def test_the_wheel_carries_pack_migrations_pages_and_types(built: Path) -> None:
    names = set(names_in_wheel(built))
    assert {
        "scened/models/packs/everyday-1/image.onnx",
        "scened/models/packs/everyday-1/CARD.md",
        "scened/migrations/versions/0001_first_light.py",
        "scened/py.typed",
        "scened/gallery/static/gallery.js",
        "scened/gallery/templates/photos.html",
    } <= names


def test_the_wheel_carries_the_units(built: Path) -> None:
    units = {Path(name).name for name in names_in_wheel(built) if "share/scened/" in name}
    assert units == {"scened.service", "service.plist"}


def test_the_installed_wheel_finds_its_units(installed: Path, tmp_path: Path) -> None:
    code = "from scened.units.manager import template; template('service.plist')"
    code += "; print(template('scened.service'))"
    ran = subprocess.run(
        [installed / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert "Type=notify" in ran.stdout, ran.stderr


def test_the_wheel_leaves_training_out(built: Path) -> None:
    assert not [name for name in names_in_wheel(built) if "training/" in name]


def test_the_sdist_can_be_built_from(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    assert {"daemon/service.py", "models/pack.py", "migrations/env.py", "LICENSE"} <= names


def test_the_installed_wheel_analyses_photos(
    installed: Path, scened: Scened, tmp_path: Path
) -> None:
    library = tmp_path / "photos"
    library.mkdir()
    age(write_photo(library / "chelsea.jpg", photo("chelsea.png")))
    subprocess.run(
        [installed / "scened", "--db", scened.database, "run", "--once", library],
        check=True,
        cwd=tmp_path,
        capture_output=True,
    )
    assert scened.rows("SELECT status FROM photos") == [("analysed",)]
