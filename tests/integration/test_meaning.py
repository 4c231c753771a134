"""Search by meaning, with a pack that has a small text side of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

import scened
from scened.errors import NoEmbedding
from scened.models.pack import MANIFEST_NAME, TEXT_NAME, TOKENIZER_NAME, Pack, open_pack
from scened.search.filters import Filters
from scened.search.text_side import TextSide, open_text_side
from tests.integration.conftest import Library, show
from tests.packs import copy_pack

UNKNOWN_TO_IT = "beach"
SIZE, HIDDEN = 16, 4
BYSTANDERS = 30  # photos of nothing, from which others stand out


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """The pack that ships, with a text side that knows the words of its tags, but for one."""
    folder = copy_pack(tmp_path_factory.mktemp("packs") / "everyday-2")
    manifest = open_pack(folder).manifest
    chance = np.random.default_rng(0)
    words = {word for label in manifest.labels for word in label.name.split()} - {UNKNOWN_TO_IT}
    pieces = {word: number for number, word in enumerate(["[UNK]", *sorted(words)])}
    known = len(words)
    np.savez(
        folder / TEXT_NAME,
        rows=np.array([-1, *range(known)], np.int16),
        vectors=chance.integers(-127, 128, (known, SIZE)).astype(np.int8),
        scales=np.full(known, 0.01, np.float16),
        weights=np.ones(known, np.float16),
        gain=np.ones(SIZE, np.float16),
        offset=np.zeros(SIZE, np.float16),
        direct=chance.normal(size=(256, SIZE)).astype(np.float16),
        deep_in=chance.normal(size=(HIDDEN, SIZE)).astype(np.float16),
        deep_in_bias=np.zeros(HIDDEN, np.float16),
        deep_out=np.zeros((256, HIDDEN), np.float16),
        bias=np.zeros(256, np.float16),
    )
    (folder / TOKENIZER_NAME).write_text(json.dumps({"model": {"vocab": pieces}}))
    digests = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in (*manifest.files, TEXT_NAME, TOKENIZER_NAME)
    }
    changed = msgspec.structs.replace(manifest, files=digests)
    (folder / MANIFEST_NAME).write_bytes(msgspec.json.encode(changed))
    return open_pack(folder)


@pytest.fixture
def reader(library: Library, root: Path, pack: Pack) -> Iterator[scened.Library]:
    """Photos that look like a dog, like snow and like a cake without having its tag; and others."""
    library.pack_id = library.activate(pack)
    side = open_text_side(pack)
    assert side is not None
    show(library, root / "dog.jpg", 1, embedding=embedding(side, "dog"), dog=0.9)
    show(library, root / "out.jpg", 2, embedding=embedding(side, "dog snow"), dog=0.8, snow=0.9)
    show(library, root / "party.jpg", 3, embedding=embedding(side, "cake candle"), beach=0.6)
    chance = np.random.default_rng(1)
    for number in range(BYSTANDERS):
        vector = chance.normal(size=256)
        vector = np.rint(vector / np.linalg.norm(vector) * 127).astype(np.int8)
        show(library, root / f"{number}.jpg", 10 + number, embedding=vector.tobytes())
    with scened.Library.open(library.database.file, pack.folder) as opened:
        yield opened


def embedding(side: TextSide, text: str) -> bytes:
    unit = side.embed(text)
    assert unit is not None
    return np.rint(unit * 127).astype(np.int8).tobytes()


def names(results: scened.records.Results) -> list[str]:
    return [Path(photo.path).stem for photo in results.photos]


def test_by_meaning_the_nearest_come_first_whatever_their_tags(reader: scened.Library) -> None:
    results = reader.search("a cake with a candle", by="meaning", limit=3)
    assert names(results)[0] == "party"
    assert results.photos[0].likeness == pytest.approx(1, abs=0.2)
    assert results.photos[0].tag_score is None


def test_both_together_give_one_list_without_what_stands_out_by_nothing(
    reader: scened.Library,
) -> None:
    results = reader.search("dog snow")
    assert names(results)[0] == "out"
    assert len(results.photos) < BYSTANDERS
    assert results.without_meaning is None
    assert (results.photos[0].tag_score, results.photos[0].likeness) == (
        pytest.approx(0.8),
        pytest.approx(1, abs=0.2),
    )


def test_words_that_are_no_tags_are_found_by_what_they_mean(reader: scened.Library) -> None:
    results = reader.search("candle")
    assert names(results)[0] == "party"
    assert [word.word for word in results.unknown_words] == ["candle"]


def test_filters_and_minus_words_hold_for_meaning_too(reader: scened.Library, root: Path) -> None:
    assert names(reader.search("dog -snow", by="meaning", limit=1)) == ["dog"]
    assert names(reader.search("dog", by="meaning", filters=Filters(folder=root / "x"))) == []
    assert names(reader.search("cake", by="meaning", filters=Filters(kind="object"), limit=9)) != []


def test_words_that_the_text_side_does_not_know_are_searched_by_tags(
    reader: scened.Library,
) -> None:
    results = reader.search(UNKNOWN_TO_IT)
    assert names(results) == ["party"]
    assert results.without_meaning == "the pack everyday-2 knows none of these words"
    with pytest.raises(NoEmbedding):
        reader.search(UNKNOWN_TO_IT, by="meaning")
