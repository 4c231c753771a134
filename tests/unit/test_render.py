"""What was found can be seen on a copy of the photo."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scened.analysis.drawing import draw
from scened.analysis.render import render
from scened.config import Limits
from scened.errors import CannotCreate, ScenedError, UnreadablePhoto
from scened.findings import Face, TagScore
from tests.photos import photo, write_photo, write_turned

FACE = Face(0.4, 0.4, 0.2, 0.2, 0.9)
TAGS = tuple(TagScore(f"tag {number}", number / 20) for number in range(20))


def drawn(source: Path, tags: tuple[TagScore, ...], faces: tuple[Face, ...]) -> Image.Image:
    with Image.open(io.BytesIO(render(source, tags, faces, Limits()))) as picture:
        assert picture.format == "PNG"
        return picture.convert("RGB")


def rendered(source: Path, *, tags: bool = False, face: bool = False) -> Image.Image:
    return drawn(source, TAGS if tags else (), (FACE,) if face else ())


@pytest.mark.parametrize(("size", "expected"), [((3000, 2000), (1280, 853)), ((90, 64), (90, 64))])
def test_the_copy_is_of_moderate_size(
    tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    source = write_photo(tmp_path / "photo.jpg", photo(size=size))
    assert rendered(source, tags=True, face=True).size == expected


def test_the_copy_is_upright(tmp_path: Path) -> None:
    source = write_turned(tmp_path / "photo.png", 6, photo())
    assert np.array_equal(np.asarray(rendered(source)), np.asarray(photo()))


@pytest.mark.parametrize("ground", [0, 128, 255])
def test_a_face_is_seen_on_any_background(tmp_path: Path, ground: int) -> None:
    source = write_photo(tmp_path / "photo.png", Image.new("RGB", (500, 500), (ground,) * 3))
    seen = np.asarray(rendered(source, face=True)).astype(int)
    edge = seen[250, 190:210, 0]  # across the left side of the box
    assert abs(edge - ground).max() > 100
    assert (seen[250, 220:280] == ground).all()


@pytest.mark.parametrize("ground", [0, 128, 255])
def test_tags_are_read_on_any_background(tmp_path: Path, ground: int) -> None:
    source = write_photo(tmp_path / "photo.png", Image.new("RGB", (500, 500), (ground,) * 3))
    corner = np.asarray(rendered(source, tags=True))[:100, :50]
    assert int(corner.max()) - int(np.median(corner)) > 100


@pytest.mark.parametrize(
    "face", [Face(0, 0, 1, 1, 1), Face(0.99, 0.99, 0.01, 0.01, 0.5), Face(0, 0.5, 0, 0, 0.5)]
)
def test_faces_at_the_edges_are_drawn(tmp_path: Path, face: Face) -> None:
    source = write_photo(tmp_path / "photo.png")
    assert not np.array_equal(np.asarray(drawn(source, (), (face,))), np.asarray(photo()))


def test_a_broken_photo_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"hello")
    with pytest.raises(UnreadablePhoto):
        render(tmp_path / "photo.jpg", (), (), Limits())


def test_the_photo_itself_is_never_written_over(tmp_path: Path) -> None:
    source = write_photo(tmp_path / "photo.png")
    (tmp_path / "link.png").symlink_to(source)
    before = source.read_bytes()
    with pytest.raises(CannotCreate, match="is the photo itself"):
        draw(bytes(source), TAGS, (FACE,), tmp_path / "link.png")
    assert source.read_bytes() == before


def test_an_output_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    source = write_photo(tmp_path / "photo.png")
    with pytest.raises(CannotCreate, match="cannot be written"):
        draw(bytes(source), (), (), tmp_path / "nowhere" / "out.png")


def test_a_broken_photo_leaves_no_output(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"hello")
    with pytest.raises(ScenedError, match="not a picture"):
        draw(bytes(tmp_path / "photo.jpg"), (), (), tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()
