"""The network of the pack that ships: what it is asked, what it answers, what is made of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from scened.analysis.decode import decode
from scened.analysis.interpret import find_tags, quantise
from scened.analysis.network import Network
from scened.errors import DamagedPack
from scened.findings import TagScore
from scened.models.pack import (
    NETWORK_NAME,
    SHAPES,
    Label,
    Pack,
    default_pack_folder,
    open_pack,
)
from tests.photos import SHARED, needs_shared, photo, write_photo

MEGABYTE = 1_000_000
SAME = 1e-3  # what two answers to one question may differ by


@pytest.fixture(scope="module")
def pack() -> Pack:
    return open_pack(default_pack_folder())


@pytest.fixture(scope="module")
def network(pack: Pack) -> Network:
    return Network(pack)


def pack_with(folder: Path, pack: Pack, network: bytes, **changes: Any) -> Pack:
    """Write a pack that keeps its digests, with another network or manifest than it should."""
    (folder / NETWORK_NAME).write_bytes(network)
    files = {NETWORK_NAME: hashlib.sha256(network).hexdigest()}
    manifest = msgspec.structs.replace(pack.manifest, files=files, **changes)
    (folder / "pack.json").write_bytes(msgspec.json.encode(manifest))
    return open_pack(folder)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gets_an_answer(network: Network, pack: Pack, shape: tuple[int, int]) -> None:
    raw = network.look(np.asarray(photo(size=shape[::-1])))
    assert raw.tags.shape == (len(pack.manifest.labels),)
    assert np.linalg.norm(raw.embedding) == pytest.approx(1, abs=0.01)
    assert len(raw.face_boxes) == len(raw.face_scores) > 0


def test_one_picture_has_one_answer(network: Network) -> None:
    pixels = np.asarray(photo(size=(320, 224)))
    first, _, again = network.look(pixels), network.look(255 - pixels), network.look(pixels)
    assert np.array_equal(first.embedding, again.embedding)


@pytest.fixture(scope="module")
def two_threads(pack: Pack) -> Network:
    return Network(pack, threads=2)


def answers(network: Network, pixels: Any) -> Any:
    """Return all that the network says of a picture, in one row."""
    raw = network.look(pixels)
    return np.concatenate([raw.tags, raw.embedding, raw.face_boxes.ravel(), raw.face_scores])


@pytest.mark.parametrize("shape", SHAPES)
def test_one_thread_and_two_agree(
    network: Network, two_threads: Network, shape: tuple[int, int]
) -> None:
    pixels = np.asarray(photo("astronaut.png", shape[::-1]))
    assert np.abs(answers(network, pixels) - answers(two_threads, pixels)).max() < SAME


@pytest.mark.parametrize("threads", [1, 2])
def test_repeats_agree_whatever_was_seen_between(
    network: Network, two_threads: Network, threads: int
) -> None:
    asked = network if threads == 1 else two_threads
    pixels = np.asarray(photo("astronaut.png", (320, 256)))
    first = answers(asked, pixels)
    for shape in SHAPES:
        asked.look(np.asarray(photo(size=shape[::-1])))
        assert np.abs(answers(asked, pixels) - first).max() < SAME


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((320, 320, 3), dtype=np.float32),
        np.zeros((320, 320), dtype=np.uint8),
        np.zeros((320, 320, 4), dtype=np.uint8),
        np.zeros((321, 320, 3), dtype=np.uint8),
        np.zeros((256, 256, 3), dtype=np.uint8),  # the network would take it, the pack does not
    ],
)
def test_other_pixels_are_refused(network: Network, pixels: Any) -> None:
    with pytest.raises(ValueError, match="not"):
        network.look(pixels)


def test_a_photo_gives_findings(network: Network, tmp_path: Path) -> None:
    decoded = decode(write_photo(tmp_path / "photo.jpg"))
    found = network.findings(decoded)
    assert (found.metadata, found.sharpness) == (decoded.metadata, decoded.sharpness)
    assert found.embedding == quantise(network.look(decoded.pixels).embedding)


def test_the_face_of_an_astronaut_is_found(network: Network, tmp_path: Path) -> None:
    path = write_photo(tmp_path / "portrait.jpg", photo("astronaut.png"))
    (face, *_) = network.findings(decode(path)).faces
    assert 0.3 < face.x + face.width / 2 < 0.6
    assert 0.1 < face.y + face.height / 2 < 0.4


def test_memory_stays_level_over_all_shapes(network: Network) -> None:
    pictures = [np.asarray(photo(size=shape[::-1])) for shape in SHAPES]
    process = psutil.Process()
    for picture in pictures * 3:
        network.look(picture)
    before = process.memory_info().rss
    for picture in pictures * 12:
        network.look(picture)
    assert process.memory_info().rss - before < 5 * MEGABYTE


def test_labels_must_be_as_many_as_tags(pack: Pack, tmp_path: Path) -> None:
    extra = Label("one too many", "object", None, (), 0.5)
    labels = (*pack.manifest.labels, extra)
    wrong = pack_with(tmp_path, pack, pack.read(NETWORK_NAME), labels=labels)
    with pytest.raises(DamagedPack, match="gives `tags` as"):
        Network(wrong)


@pytest.mark.parametrize("damage", [b"", b"not a network", b"\x08\x08" * 100])
def test_what_is_not_a_network_is_refused(pack: Pack, tmp_path: Path, damage: bytes) -> None:
    with pytest.raises(DamagedPack, match="cannot be loaded"):
        Network(pack_with(tmp_path, pack, damage))


def test_half_a_network_is_refused(pack: Pack, tmp_path: Path) -> None:
    whole = pack.read(NETWORK_NAME)
    with pytest.raises(DamagedPack, match="cannot be loaded"):
        Network(pack_with(tmp_path, pack, whole[: len(whole) // 2]))


@needs_shared
def test_a_network_for_something_else_is_refused(pack: Pack, tmp_path: Path) -> None:
    other = (SHARED / "teachers/yunet_n_dynamic.onnx").read_bytes()
    with pytest.raises(DamagedPack, match="does not take one input `image`"):
        Network(pack_with(tmp_path, pack, other))


def field(number: int, value: bytes | int) -> bytes:
    """Return one field in protocol buffers' wire format; numbers stay below 128."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    assert len(value) < 128
    return bytes([number << 3 | 2, len(value)]) + value


def network_with_weights_elsewhere(location: bytes) -> bytes:
    """Return an ONNX network that adds to a float one that, so it says, is in another file."""
    kind = field(2, field(1, field(1, 1) + field(2, field(1, field(1, 1)))))
    place = field(13, field(1, b"location") + field(2, location))
    weight = field(1, 1) + field(2, 1) + field(8, b"w") + place + field(14, 1)
    node = field(1, b"x") + field(1, b"w") + field(2, b"y") + field(4, b"Add")
    ends = field(11, field(1, b"x") + kind) + field(12, field(1, b"y") + kind)
    graph = field(1, node) + field(2, b"g") + field(5, weight) + ends
    return field(1, 8) + field(8, field(2, 17)) + field(7, graph)


def test_a_network_reads_no_other_file(
    pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("secret").write_bytes(np.array([7], dtype=np.float32).tobytes())
    network = network_with_weights_elsewhere(b"secret")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    plainly = onnxruntime.InferenceSession(network, options)
    one = np.ones(1, dtype=np.float32)
    assert plainly.run(None, {"x": one})[0].tolist() == [8]  # it works where nothing hinders it
    with pytest.raises(DamagedPack, match="External data"):
        Network(pack_with(tmp_path, pack, network))


LABELS = (
    Label("animal", "object", None, (), 0.9),
    Label("dog", "object", "animal", (), 0.5),
    Label("poodle", "object", "dog", (), 0.4),
    Label("car", "object", None, (), 0.5),
)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.1, 0.2, 0.1, 0.49], [("car", 0.49)]),
        ([0.1, 0.3, 0.35, 0.0], [("animal", 0.35), ("dog", 0.35), ("poodle", 0.35)]),
        ([0.1, 0.2, 0.4, 0.5], [("car", 0.5), ("animal", 0.4), ("dog", 0.4), ("poodle", 0.4)]),
        ([0.95, 0.6, 0.1, 0.0], [("animal", 0.95), ("dog", 0.6)]),
        ([0.5, 0.6, 0.7, 0.0], [("animal", 0.7), ("dog", 0.7), ("poodle", 0.7)]),
        ([0.0, 0.0, 0.0, 1.0001], [("car", 1.0)]),
    ],
)
def test_tags_come_with_their_ancestors(
    scores: list[float], expected: list[tuple[str, float]]
) -> None:
    found = find_tags(np.array(scores), LABELS)
    assert found == tuple(TagScore(name, score) for name, score in expected)


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_there_is_a_tag_and_none_is_surer_than_its_parent(scores: list[float]) -> None:
    found = {tag.name: tag.score for tag in find_tags(np.array(scores), LABELS)}
    assert found
    parents = {label.name: label.parent for label in LABELS}
    assert all(found[name] <= found[parents[name] or name] for name in found)


@given(st_numpy.arrays(np.float32, 256, elements=st.floats(-1, 1, width=32)))
def test_a_quantised_embedding_points_the_same_way(vector: Any) -> None:
    if np.linalg.norm(vector) < 0.01:
        vector = np.ones(256, dtype=np.float32)
    unit = vector / np.linalg.norm(vector)
    read = np.frombuffer(quantise(vector), dtype=np.int8) / 127
    assert np.abs(read - unit).max() <= 0.5 / 127 + 1e-6
