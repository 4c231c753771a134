"""Readers beside the writer: nobody waits, nobody sees half a photo, and the log stays bounded."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

import scened
from scened.store.database import BUSY_SECONDS, WAL_BYTES_KEPT
from scened.store.recognition import open_plainly
from tests.integration.conftest import FINDINGS, Library, put

WRITES = 40
WRITE_BYTES = 1_000_000  # together far more than the log keeps


def write_much(library: Library, times: int) -> None:
    for number in range(times):
        library.write("UPDATE daemon SET reason = :words", words=f"{number}" * WRITE_BYTES)


def log_bytes(library: Library) -> int:
    return library.database.file.with_name(library.database.file.name + "-wal").stat().st_size


@pytest.mark.promise(
    "store: a reader holds a transaction",
    "the writer goes on",
)
def test_a_reader_that_stays_in_a_transaction_stops_no_writer(library: Library) -> None:
    reader = open_plainly(library.database.file)
    reader.execute("BEGIN")
    before = reader.execute("SELECT reason FROM daemon").fetchone()
    began = time.monotonic()
    write_much(library, WRITES)
    assert time.monotonic() - began < BUSY_SECONDS
    assert reader.execute("SELECT reason FROM daemon").fetchone() == before
    assert log_bytes(library) > WAL_BYTES_KEPT
    reader.execute("COMMIT")
    write_much(library, 2)
    assert log_bytes(library) <= WAL_BYTES_KEPT
    reader.close()


@pytest.mark.promise(
    "store: a writer holds a transaction",
    "readers go on",
)
def test_a_writer_in_a_transaction_stops_no_reader(library: Library) -> None:
    with scened.Library.open(library.database.file) as reader, library.database.writing():
        assert reader.changes() == []


@pytest.mark.promise(
    "store: a reader while photos are written",
    "never sees half a photo",
)
def test_no_reader_sees_half_a_photo(library: Library, root: Path) -> None:
    """While photos are recorded one by one, whatever is analysed has all that belongs to it."""
    for number in range(WRITES):
        put(root / f"{number}.jpg", number)
    library.walk()
    seen: list[int] = []
    whole: list[bool] = []
    over = threading.Event()

    def read() -> None:
        with scened.Library.open(library.database.file) as reader:
            while True:
                last = over.is_set()
                analysed = [c.photo_id for c in reader.changes() if c.status == "analysed"]
                seen.append(len(analysed))
                for photo_id in analysed:
                    photo = reader.photo(photo_id)
                    whole.append(
                        len(photo.tags) == len(FINDINGS.tags)
                        and photo.faces == FINDINGS.faces
                        and photo.content_hash is not None
                    )
                if last:
                    return

    thread = threading.Thread(target=read)
    thread.start()
    library.look()
    over.set()
    thread.join()
    assert all(whole)
    assert seen[-1] == WRITES
