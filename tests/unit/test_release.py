"""What a release promises: documents that hold together, and libraries that fit."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scened import __version__

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted(
    page
    for page in (*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"))
    if page.name != "PKG-INFO"
)


def setup() -> configparser.ConfigParser:
    found = configparser.ConfigParser()
    found.read(REPOSITORY / "setup.cfg")
    return found


def required(*extras: str) -> list[Requirement]:
    sections = [setup()["options"]["install_requires"]]
    sections += [setup()["options.extras_require"][extra] for extra in extras]
    return [Requirement(line) for section in sections for line in section.split("\n") if line]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", sorted(REPOSITORY.glob("docs/*.md")), ids=lambda page: page.name)
def test_every_page_is_reached_from_the_readme_or_the_start(page: Path) -> None:
    entries = (REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md")
    assert any(page.name in entry.read_text("utf-8") for entry in entries)


def test_the_constraints_fit_what_is_required() -> None:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if "==" in line)
    names = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pinned.items()}
    misfits = [
        str(each)
        for each in required("test", "check", "raw", "jxl")
        if not each.specifier.contains(names.get(re.sub(r"[-_.]+", "-", each.name).lower(), "0"))
    ]
    assert misfits == []


def test_every_library_that_comes_along_has_its_licence_noted() -> None:
    notices = (REPOSITORY / "THIRD-PARTY.md").read_text("utf-8")
    missing = [each.name for each in required("raw", "jxl") if f"| {each.name} |" not in notices]
    assert missing == []


def test_the_version_is_written_in_one_place() -> None:
    assert setup()["metadata"]["version"] == "attr: scened.__version__"
    written = subprocess.run(
        ["git", "grep", "-lF", f'"{__version__}"', "--", "*.py", "*.cfg", "*.toml"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    if written.returncode == 128:
        pytest.skip("this is no checkout")
    assert written.stdout.split() == ["daemon/__init__.py"]
