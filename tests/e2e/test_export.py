"""Export, corrections and sidecars with real photos; exiftool reads back what was written."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import NAMES, Scened, age
from tests.photos import photo, write_turned

ESCAPES = "\x1b]0;owned\x07<script>alert(1)</script>"
DARKTABLE = """<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:darktable="http://darktable.sf.net/"
    xmp:Rating="4" darktable:xmp_version="5">
   <dc:subject><rdf:Seq><rdf:li>grandma</rdf:li></rdf:Seq></dc:subject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""

needs_exiftool = pytest.mark.skipif(
    shutil.which("exiftool") is None, reason="exiftool is not installed"
)


def exiftool(*arguments: str | Path) -> list[dict[str, Any]]:
    """Return what exiftool reads, structures as such."""
    ended = subprocess.run(
        ["exiftool", "-json", "-struct", "-charset", "utf8", *map(str, arguments)],
        capture_output=True,
        check=True,
    )
    read: list[dict[str, Any]] = json.loads(ended.stdout)
    return read


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.fixture
def analysed(scened: Scened, library: Path) -> Path:
    scened.look_at(library)
    return library


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@needs_exiftool
def test_exiftool_reads_back_keywords_and_faces(scened: Scened, library: Path) -> None:
    turned = age(
        write_turned(library / "turned.jpg", 6, photo("astronaut.png").crop((0, 0, 512, 400)))
    )
    scened.look_at(library)
    scened("export", "--format", "xmp", "--min-score", "0.3")
    parents = dict(scened.rows("SELECT name, parent FROM tags"))
    for seen in (scened.json("show", turned), scened.json("show", library / "inner/astronaut.jpg")):
        (read,) = exiftool(f"{seen['path']}.xmp")
        expected = [tag["tag"] for tag in seen["tags"] if tag["score"] >= 0.3]
        assert as_list(read["Subject"]) == expected
        lowest = {path.split("|")[-1]: path for path in as_list(read["HierarchicalSubject"])}
        assert all(
            len(path.split("|")) == 1 or parents[name] == path.split("|")[-2]
            for name, path in lowest.items()
        )
        regions = read["RegionInfo"]
        assert len(regions["RegionList"]) == len(seen["faces"]) > 0
        face, region = seen["faces"][0], regions["RegionList"][0]
        assert (region["Type"], "Name" in region) == ("Face", False)
        x, y = face["x"] + face["width"] / 2, face["y"] + face["height"] / 2
        if seen["path"] == str(turned):  # stored a quarter turn to the left
            x, y = y, 1 - x
        assert (region["Area"]["X"], region["Area"]["Y"]) == pytest.approx((x, y), abs=1e-5)
        (stored,) = exiftool("-ImageWidth", "-ImageHeight", seen["path"])
        dimensions = regions["AppliedToDimensions"]
        assert (dimensions["W"], dimensions["H"]) == (stored["ImageWidth"], stored["ImageHeight"])


@needs_exiftool
def test_keywords_that_exiftool_wrote_are_read_and_kept(scened: Scened, library: Path) -> None:
    path = library / "inner" / "astronaut.jpg"
    words = ["-IPTC:Keywords=Œuvre", "-IPTC:CodedCharacterSet=UTF8", "-XMP-dc:Subject=inside"]
    subprocess.run(
        ["exiftool", "-q", "-overwrite_original", *words, "-XMP-xmp:Rating=2", path], check=True
    )
    age(path)
    scened.look_at(library)
    seen = scened.json("show", path)
    assert [each["keyword"] for each in seen["keywords"]] == ["inside", "Œuvre"]
    assert seen["rating"] == 2
    assert str(path) in scened("search", "œuvre")
    assert str(path) in scened("search", "--rating", "2..3")


def test_photos_and_the_work_of_others_stay(scened: Scened, analysed: Path) -> None:
    sidecar = analysed / "chelsea.xmp"
    sidecar.write_text(DARKTABLE)
    before = contents(analysed)
    scened("export", "--format", "xmp")
    after = contents(analysed)
    assert {path: after[path] for path in before if path != sidecar} == {
        path: data for path, data in before.items() if path != sidecar
    }
    assert b"grandma" in after[sidecar]
    assert b'darktable:xmp_version="5"' in after[sidecar]
    assert b"cat" in after[sidecar]
    assert not (analysed / "chelsea.jpg.xmp").exists()


def test_a_dry_run_says_what_would_change_and_changes_nothing(
    scened: Scened, analysed: Path
) -> None:
    before = contents(analysed)
    said = scened("export", "--format", "xmp", "--dry-run")
    assert contents(analysed) == before
    assert f"sidecars: {said.count('new  ')} new, 0 changed" in said
    assert f"new  {analysed / 'chelsea.jpg.xmp'}  " in said
    assert "+cat" in said


def test_exporting_again_changes_nothing(scened: Scened, analysed: Path) -> None:
    scened("export", "--format", "xmp")
    before = contents(analysed)
    said = scened("export", "--format", "xmp")
    assert f"sidecars: 0 new, 0 changed, {len(NAMES)} as they should be" in said
    assert contents(analysed) == before


def test_a_correction_is_exported_and_what_was_wrong_taken_back(
    scened: Scened, analysed: Path
) -> None:
    scened("export", "--format", "xmp")
    scened("tag", analysed / "chelsea.jpg", "+beach", "-cat")
    said = scened("export", "--format", "xmp", "--dry-run")
    assert "+beach" in said
    assert "-cat" in said


def test_sidecars_that_cannot_be_merged_are_left_alone(scened: Scened, analysed: Path) -> None:
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    hostile = {
        "chelsea.jpg.xmp": laughs,
        "rocket.jpg.xmp": b"<x:xmpmeta",
    }
    for name, data in hostile.items():
        path = next(analysed.rglob(name.removesuffix(".xmp")))
        path.with_name(name).write_bytes(data)
    with (analysed / "inner" / "coffee.jpg.xmp").open("wb") as file:
        file.truncate(100_000_000)
    (analysed / "inner" / "astronaut.jpg.xmp").symlink_to("astronaut.jpg")
    before = contents(analysed)
    said = scened("export", "--format", "xmp", expect=1)
    assert {path: contents(analysed)[path] for path in before} == before
    assert said.count("was left alone") == len(hostile) + 2
    assert "declares a document type" in said
    assert "it is no XML" in said
    assert "more than the 8 MB allowed" in said
    assert "not a regular file" in said


def test_a_sidecar_that_two_photos_could_own_is_left_alone(scened: Scened, analysed: Path) -> None:
    shutil.copy(analysed / "chelsea.jpg", analysed / "chelsea.jpeg")
    (analysed / "chelsea.xmp").write_text(DARKTABLE)
    assert "may belong to another photo" in scened("export", "--format", "xmp", expect=1)
    assert (analysed / "chelsea.xmp").read_text() == DARKTABLE


def test_json_lines_hold_what_show_says(scened: Scened, analysed: Path) -> None:
    lines = [json.loads(line) for line in scened("export").splitlines()]
    assert len(lines) == len(NAMES)
    (line,) = (line for line in lines if line["path"].endswith("chelsea.jpg"))
    assert line == scened.json("show", analysed / "chelsea.jpg")


def test_a_table_goes_into_a_file(scened: Scened, analysed: Path, tmp_path: Path) -> None:
    output = tmp_path / "photos.csv"
    scened("export", "--format", "csv", "--root", analysed / "inner", "-o", output)
    rows = list(csv.DictReader(io.StringIO(output.read_text("utf-8"))))
    inner = {str(path) for path in (analysed / "inner").iterdir()}
    assert {row["path"] for row in rows} == inner
    assert all(row["tags"] for row in rows)


def test_no_photo_is_written_over(scened: Scened, analysed: Path) -> None:
    path = analysed / "chelsea.jpg"
    before = path.read_bytes()
    scened("export", "-o", path, expect=73)
    assert path.read_bytes() == before


@pytest.mark.usefixtures("daemon")
def test_a_running_daemon_takes_corrections_and_notices_sidecars(
    scened: Scened, library: Path
) -> None:
    path = library / "chelsea.jpg"
    scened("tag", path, "+beach", "-cat")
    tags = {tag["tag"]: tag["score"] for tag in scened.json("show", path)["tags"]}
    assert tags["beach"] == 1.0
    assert "cat" not in tags
    said = scened("show", path)
    assert "(scene, by hand)" in said
    assert "taken away by hand: cat" in said
    (library / "chelsea.jpg.xmp").write_text(DARKTABLE.replace("grandma", "one"))
    scened.wait_for("SELECT 1 FROM photo_keywords WHERE keyword = 'one'")
    (library / "chelsea.jpg.xmp").write_text(DARKTABLE.replace("grandma", "another"))
    scened.wait_for("SELECT 1 FROM photo_keywords WHERE keyword = 'another'")


def test_what_a_keyword_holds_is_no_command_to_a_terminal(scened: Scened, library: Path) -> None:
    text = ESCAPES.replace("\x1b", "&#x9b;").replace("\x07", "").replace("<", "&lt;")
    (library / "chelsea.jpg.xmp").write_text(DARKTABLE.replace("grandma", text))
    scened.look_at(library)
    said = scened("show", library / "chelsea.jpg")
    assert "<script>" in said
    assert not {*"\x1b\x07\x9b"} & {*said}


@pytest.mark.parametrize("words", [["+beach"], ["chelsea.jpg"], ["chelsea.jpg", "+a", "--reset"]])
def test_half_a_correction_is_refused(scened: Scened, words: list[str]) -> None:
    scened("tag", *words, expect=2)
