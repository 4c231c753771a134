"""A fresh database, a clock that tests turn, and folders of small real photos."""

from __future__ import annotations

import ctypes
import functools
import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import xxhash
from sqlalchemy import text

import scened
from scened.findings import Face, Findings, Metadata, Outcome, TagScore
from scened.models.pack import FaceSettings, Label, Manifest, Pack
from scened.photos.reconcile import reconcile
from scened.photos.settle import Settling
from scened.store.catalogue import drop_missing
from scened.store.database import Database, open_for_writing
from scened.store.queue import pending_photos
from scened.store.results import activate_pack, record
from scened.store.roots import Root, add_root, roots
from tests.clock import FakeClock
from tests.integration.following import Following
from tests.photos import photo

HOUR_SECONDS = 3600
DRIVE_BYTES = 8 * 2**20
OVERRIDE_PERMISSIONS = 0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, capabilities(7)
LABELS = (
    Label("animal", "object", None, ("creature",), 0.5),
    Label("dog", "object", "animal", ("hound", "puppy"), 0.5),
    Label("beach", "scene", None, ("seaside",), 0.5),
)


@dataclass
class Library:
    """Roots on the real disk and what the database says of them, without watcher and analyzer."""

    database: Database
    pack_id: int
    clock: FakeClock = field(default_factory=FakeClock)

    def reopen(self) -> None:
        """Open the database anew, after somebody else had it or put another in its place."""
        self.database.close()
        self.database = open_for_writing(self.database.file)

    def watch(self, folder: Path) -> Root:
        """Make a folder if need be, and make it a root."""
        folder.mkdir(parents=True, exist_ok=True)
        with self.database.writing() as connection:
            return add_root(connection, os.fsencode(folder))

    def roots(self) -> list[Root]:
        with self.database.reading() as connection:
            return roots(connection)

    def walk(self) -> None:
        """Reconcile every root with the disk, taking every file as settled."""
        settling = Settling(self.clock)
        for root in self.roots():
            for _ in reconcile(self.database, root, settling, fresh=lambda _: False):
                pass

    def let_go(self) -> int:
        with self.database.writing() as connection:
            return drop_missing(connection)

    def look(self, pack_id: int | None = None, findings: Findings | None = None) -> int:
        """Do the analyzer's part for what is pending: hash it, and record one set of findings."""
        looks = 0
        while True:
            with self.database.reading() as connection:
                waiting = pending_photos(connection, pack_id or self.pack_id, 32)
            if not waiting:
                return looks
            for each in waiting:
                digest = xxhash.xxh3_128_digest(Path(os.fsdecode(each.path)).read_bytes())
                seen = None if digest in each.known_hashes else findings or FINDINGS
                looks += seen is not None
                self.record(
                    Outcome(each.file_id, each.size, each.modified_ns, digest, seen),
                    pack_id=pack_id,
                )

    def record(self, *outcomes: Outcome, pack_id: int | None = None) -> list[int]:
        with self.database.writing() as connection:
            return record(connection, pack_id or self.pack_id, outcomes)

    def activate(self, pack: Pack) -> int:
        with self.database.writing() as connection:
            return activate_pack(connection, pack)

    def rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        with self.database.reading() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]

    def one(self, statement: str, **values: object) -> Any:
        """Return the one value of a statement that gives one."""
        ((value,),) = self.rows(statement, **values)
        return value

    def write(self, statement: str, **values: object) -> None:
        with self.database.writing() as connection:
            connection.execute(text(statement), values)

    def id_of(self, path: Path) -> int:
        return int(self.one("SELECT id FROM photos WHERE path_bytes = :path", path=bytes(path)))

    def status_of(self, path: Path) -> str:
        return str(self.one("SELECT status FROM photos WHERE path_bytes = :path", path=bytes(path)))

    def paths(self) -> set[str]:
        return {path for (path,) in self.rows("SELECT path FROM photos")}

    def statuses(self) -> set[str]:
        return {status for (status,) in self.rows("SELECT DISTINCT status FROM photos")}

    def pending(self, limit: int = 32) -> list[int]:
        with self.database.reading() as connection:
            return [each.file_id for each in pending_photos(connection, self.pack_id, limit)]


FINDINGS = Findings(
    metadata=Metadata(
        width=64,
        height=48,
        format="JPEG",
        taken_at="2019-06-14T18:03:20",
        taken_offset="+02:00",
        camera="Acme Pocket 3",
        latitude=48.5,
        longitude=-9.25,
    ),
    tags=(TagScore("animal", 0.91), TagScore("dog", 0.875)),
    embedding=bytes(range(256)),
    faces=(Face(0.1, 0.2, 0.3, 0.4, 0.99), Face(0.5, 0.5, 0.25, 0.25, 0.75)),
    sharpness=123.5,
)


def make_pack(version: str = "1", labels: Sequence[Label] = LABELS) -> Pack:
    """Return a pack as far as the store looks into it."""
    return Pack(
        Path("/nowhere"),
        Manifest(
            interface=1,
            name="tiny",
            version=version,
            summary="",
            licence="Apache-2.0",
            sources=(),
            shapes=((320, 320),),
            labels=tuple(labels),
            faces=FaceSettings(0.5, 0.4),
            files={},
            training_record="",
        ),
    )


@functools.cache
def jpeg(number: int) -> bytes:
    """Return a small real photo; each number gives another."""
    buffer = io.BytesIO()
    left, top = number % 500, number // 500
    photo().crop((left, top, left + 64, top + 48)).save(buffer, "JPEG")
    return buffer.getvalue()


def put(path: Path, number: int = 0, *, age_seconds: float = HOUR_SECONDS) -> Path:
    """Write a small photo that looks as if it had been there for a while; make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg(number))
    before = time.time() - age_seconds
    os.utime(path, (before, before))
    return path


def show(
    library: Library,
    path: Path,
    number: int,
    *,
    embedding: bytes = FINDINGS.embedding,
    faces: int = 0,
    metadata: Metadata = FINDINGS.metadata,
    **scores: float,
) -> Path:
    """Add a photo that shows these tags with these scores."""
    put(path, number)
    library.walk()
    tags = tuple(TagScore(name, score) for name, score in scores.items())
    seen = Findings(metadata, tags, embedding, FINDINGS.faces[:1] * faces, None)
    library.look(findings=seen)
    return path


def taken(when: str, camera: str = "Acme Pocket 3") -> Metadata:
    return Metadata(64, 48, "JPEG", taken_at=when, camera=camera)


def embedding(*numbers: int) -> bytes:
    """Return a stored embedding that begins with these numbers."""
    return bytes([*numbers, *[0] * (256 - len(numbers))])


def fill(root: Path, photos: int = 3) -> list[Path]:
    return [put(root / f"{number}.jpg", number) for number in range(photos)]


def known(library: Library) -> list[tuple[int, str, str, str | None]]:
    """Return everything but the paths: what a move must not change."""
    return library.rows(
        "SELECT id, status, content_hash, analysed_at, error FROM photos ORDER BY id"
    )


@contextmanager
def without_privileges() -> Iterator[None]:
    """Give up root's way around permissions for a while; for other users nothing to do."""
    if os.geteuid() != 0:
        yield
        return
    if sys.platform != "linux":
        pytest.skip("root's privileges can be given up on Linux only")
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this thread
    data = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, twice
    if libc.capget(header, data) != 0:
        pytest.skip("capabilities cannot be read")
    before = data[0]
    data[0] = before & ~OVERRIDE_PERMISSIONS
    if libc.capset(header, data) != 0:
        pytest.skip("capabilities cannot be given up")
    try:
        yield
    finally:
        data[0] = before
        libc.capset(header, data)


@contextmanager
def mounted(folder: Path, options: str = "size=50%") -> Iterator[None]:
    """Mount an empty drive on a folder."""
    command = ["mount", "-t", "tmpfs", "-o", options, "scened-test", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("drives cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Drive:
    """A real file system in a file, to be plugged in wherever one likes, again and again."""

    def __init__(self, image: Path) -> None:
        self._image = image
        for tool in ("mkfs.ext4", "mount", "losetup"):
            if shutil.which(tool) is None:
                pytest.skip(f"there is no {tool}")
        with image.open("wb") as file:
            file.truncate(DRIVE_BYTES)
        subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)

    @contextmanager
    def plugged_in(self, folder: Path) -> Iterator[None]:
        """Mount it on a folder, which is made for that."""
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-o", "loop", str(self._image), str(folder)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("drives cannot be mounted here")
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    """An empty drive that is not plugged in."""
    return Drive(tmp_path / "drive.ext4")


@pytest.fixture(scope="session")
def empty_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without photos, to be copied: each migration runs a process."""
    file = tmp_path_factory.mktemp("empty") / "library.sqlite"
    open_for_writing(file).close()
    return file


@pytest.fixture
def database_file(empty_library: Path, tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir(mode=0o700)
    return Path(shutil.copy(empty_library, tmp_path / "data" / "library.sqlite"))


@pytest.fixture
def database(database_file: Path) -> Iterator[Database]:
    database = Database(database_file)
    yield database
    database.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def library(database: Database, clock: FakeClock) -> Iterator[Library]:
    with database.writing() as connection:
        pack_id = activate_pack(connection, make_pack())
    library = Library(database, pack_id, clock)
    yield library
    library.database.close()  # it may have been opened again


@pytest.fixture
def root(library: Library, tmp_path: Path) -> Path:
    """The folder of a root that has no photos yet."""
    library.watch(tmp_path / "photos")
    return tmp_path / "photos"


@pytest.fixture
def looked_at(library: Library, root: Path) -> list[Path]:
    """Three photos of a root that were analysed."""
    paths = fill(root)
    library.walk()
    library.look()
    return paths


@pytest.fixture
def dogs(library: Library, root: Path) -> list[Path]:
    """Two dogs, the second surer and on a beach, and a beach without a dog."""
    return [
        show(
            library,
            root / "1.jpg",
            1,
            animal=0.7,
            dog=0.7,
            embedding=embedding(127),
            metadata=taken("2019-06-14T18:03:20"),
        ),
        show(
            library,
            root / "2.jpg",
            2,
            animal=0.9,
            dog=0.9,
            beach=0.6,
            faces=2,
            embedding=embedding(120, 42),
            metadata=taken("2020-01-01T00:00:00", "Zenit"),
        ),
        show(
            library,
            root / "Rome" / "3.jpg",
            3,
            beach=0.8,
            embedding=embedding(0, 127),
            metadata=taken("2020-07-31T23:59:59"),
        ),
    ]


@pytest.fixture
def reader(library: Library, dogs: list[Path]) -> Iterator[scened.Library]:
    with scened.Library.open(library.database.file) as opened:
        yield opened


@pytest.fixture
def following(library: Library, root: Path) -> Iterator[Following]:
    """A follower of a root with three photos that were analysed."""
    fill(root)
    following = Following(library)
    following.follower.start()
    following.turns()
    library.look()
    yield following
    following.follower.stop()
