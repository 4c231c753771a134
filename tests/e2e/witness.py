"""Holds a database against the disk, and remembers what must not happen twice or be lost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any, NamedTuple

from tests.e2e.conftest import Scened
from tests.e2e.disk import OnDisk

__all__ = ["SLICE_PHOTOS", "Looks", "Witness"]

SLICE_PHOTOS = 32  # that a kill may have looked at again, at the most

RESULT = re.compile(r"result of content ([0-9a-f]{32})")


class Looks:
    """How often each content was looked at, by what the daemon says with `--verbose`."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._read = 0
        self.of: Counter[str] = Counter()

    def count(self) -> Counter[str]:
        """Return the looks so far, by content hash."""
        if self._output.exists():
            with self._output.open("rb") as file:
                file.seek(self._read)
                lines = file.read().rpartition(b"\n")[0]
            self._read += len(lines)
            self.of.update(RESULT.findall(lines.decode(errors="replace")))
        return self.of


class Row(NamedTuple):
    """A photo in the database, as every program sees it."""

    id: int
    seq: int
    path: str
    hash: str | None
    status: str
    size: int
    error: str | None
    seen: bool  # tags, embedding and text can be asked for

    def __str__(self) -> str:
        return f"photo {self.id}, {self.status}, content {self.hash}, error {self.error}"

    @property
    def killed(self) -> bool:
        """Tell whether kills were blamed on it, which is an outcome without a look."""
        return self.error is not None and "died of signal 9" in self.error


class Kept(NamedTuple):
    """A file as it was when database and disk were last the same."""

    id: int
    path: Path
    marks: tuple[int, int, int]


class Witness:
    """What was seen of one database so far."""

    def __init__(self, scened: Scened, looks: Looks) -> None:
        self._scened = scened
        self._looks = looks
        self._settled: dict[str, int] = {}  # content -> looks at it when it was in the database
        self._kept: list[Kept] = []
        self._taken: set[str] = set()
        self._ids: set[int] = set()
        self._mirror: dict[int, Row] = {}
        self._seq = 0

    def differences(
        self, disk: Mapping[Path, OnDisk], away: Set[Path], *, final: bool = False
    ) -> list[str]:
        """Return where the database is not as the disk; `final`: nothing gone may be left."""
        rows = {row.path: row for row in self._rows()}
        wrong = []
        for path, file in disk.items():
            row = rows.pop(str(path), None)
            if row is None:
                wrong.append(f"{path} is not known")
            elif not file.readable:
                if (row.status, row.hash) != ("failed", None) and row.status != "analysed":
                    wrong.append(f"{path} may not be read, but there is {row}")
            elif (row.status, row.hash, row.size) != (file.status, file.hash, file.size):
                wrong.append(f"{path}, content {file.hash}, ought to be {file.status}: {row}")
            elif row.seen != (row.status == "analysed"):
                wrong.append(f"{path} lacks what was seen, or has too much")
        for row in rows.values():
            is_away = any(Path(row.path).is_relative_to(root) for root in away)
            if row.status != "missing" or (final and not is_away):
                wrong.append(f"{row.path} is no photo, but there is {row}")
        return wrong

    def check(self, disk: Mapping[Path, OnDisk], disturbed: Counter[Path], kills: int) -> None:
        """Hold what was remembered against the database, which is as the disk, and remember it.

        `disk`: also photos in roots that are away, where they were. `disturbed`: how often
        something was put in a place, or taken from it, since the last time.
        """
        rows = {row.path: row for row in self._rows()}
        self._check_looks(rows, kills)
        self._check_ids(rows, disk, disturbed)
        self._check_followers(rows)
        self._taken = set(rows)
        self._kept = [
            Kept(rows[str(path)].id, path, file.marks)
            for path, file in disk.items()
            if file.links == 1 and str(path) in rows
        ]

    def let_go_of(self, folder: Path) -> None:
        """Expect no id of a folder to last: it was left alone for a while."""
        self._kept = [kept for kept in self._kept if not kept.path.is_relative_to(folder)]

    def _check_looks(self, rows: Mapping[str, Row], kills: int) -> None:
        looks = self._looks.count()
        again = {content for content, times in self._settled.items() if looks[content] != times}
        assert not again, f"looked at again, though known: {again}"
        known = [row for row in rows.values() if row.status != "pending" and not row.killed]
        settled = {row.hash for row in known if row.hash}
        unseen = [str(row) for row in known if row.hash and not looks[row.hash]]
        assert not unseen, f"known without a look: {unseen}"
        self._settled = {content: looks[content] for content in settled | self._settled.keys()}
        extra = sum(times - 1 for times in looks.values())
        assert extra <= kills * SLICE_PHOTOS, f"{extra} looks too many, after {kills} kills"

    def _check_ids(
        self, rows: Mapping[str, Row], disk: Mapping[Path, OnDisk], disturbed: Counter[Path]
    ) -> None:
        """Check that an id stays with its file, wherever that is moved.

        Not where another file took its name, or it that of another: then one of them has both.
        """
        places = {file.marks: path for path, file in disk.items() if file.links == 1}
        for kept in self._kept:
            path = places.get(kept.marks)
            stayed = path == kept.path and not disturbed[kept.path]
            moved = disturbed[kept.path] == disturbed[path or kept.path] == 1
            moved = moved and str(path) not in self._taken
            if path is not None and (stayed or moved) and kept.path.exists() == stayed:
                assert str(path) in rows, f"photo {kept.id} at {path} is lost"
                assert rows[str(path)].id == kept.id, f"{path} was photo {kept.id}"
        ids = {row.id for row in rows.values()}
        removed = {number for (number,) in self._scened.rows("SELECT photo_id FROM removed")}
        assert not ids & removed, "ids that are gone are used again"
        self._ids |= ids
        assert self._ids <= ids | removed, "ids that are gone without a word"

    def _check_followers(self, rows: Mapping[str, Row]) -> None:
        """Do as a program that follows `seq`: it must come to know the same."""
        news = [row for row in rows.values() if row.seq > self._seq]
        gone = self._scened.rows("SELECT photo_id FROM removed WHERE seq > ?", self._seq)
        self._mirror.update({row.id: row for row in news})
        for (number,) in gone:
            self._mirror.pop(number, None)
        assert self._mirror == {row.id: row for row in rows.values()}, "seq does not tell all"
        ((self._seq,),) = self._scened.rows(
            "SELECT max(seq) FROM (SELECT 0 AS seq UNION ALL SELECT seq FROM photos"
            " UNION ALL SELECT seq FROM removed)"
        )

    def _rows(self) -> list[Row]:
        found: list[tuple[Any, ...]] = self._scened.rows(
            "SELECT id, seq, path, content_hash, status, file_size, error, EXISTS ("
            " SELECT 1 FROM embeddings JOIN photo_search ON photo_search.rowid = photo_id"
            " WHERE photo_id = photos.id AND photo_search.path = photos.path) FROM photos"
        )
        return [Row(*each[:-1], bool(each[-1])) for each in found]
