"""How contract-1.sqlite was made. It is there to stay: run this only to see that it still can be.

    python -m tests.frozen.make_contract_1 FOLDER

Looks at a few of scikit-image's pictures with the pack that ships, copies the rows into a fresh
database of schema 2, the oldest that kept version 1 of the contract, gives the photos a home that
is nobody's, and writes beside it what every view said.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from scened.migrations.__main__ import upgrade
from scened.store.search_index import date_words
from tests.photos import exif, photo, write_photo

__all__ = ["VIEWS", "said"]

HOME = b"/home/ada/Pictures"
VIEWS = {
    "photos": "id",
    "photo_tags": "photo_id, tag",
    "faces": "id",
    "embeddings": "photo_id",
    "tags": "name",
    "photo_search": "rowid",
    "removed": "photo_id",
    "daemon": "pid",
}


def said(file: Path) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of every view, with bytes as hexadecimal digits."""
    connection = sqlite3.connect(file)
    connection.row_factory = sqlite3.Row
    rows = {
        view: [
            {name: _plain(row[name]) for name in row.keys()}  # noqa: SIM118 - of sqlite3.Row
            for row in connection.execute(f"SELECT * FROM {view} ORDER BY {order}")
        ]
        for view, order in VIEWS.items()
    }
    connection.close()
    return rows


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value


def _main() -> None:
    folder = Path(sys.argv[1])
    file = folder / "contract-1.sqlite"
    file.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as work:
        newest = _look(Path(work))
        old = Path(work) / "old.sqlite"
        old.touch()
        upgrade(old, "0002")
        connection = sqlite3.connect(old)
        _fill(connection, newest)
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("VACUUM INTO ?", (str(file),))
        connection.close()
    (folder / "contract-1.json").write_text(json.dumps(said(file), indent=1) + "\n")


def _look(work: Path) -> Path:
    """Make a library of six files in two folders, of which one is broken and one was removed."""
    root = work / "Pictures"
    (root / "2019 Rome").mkdir(parents=True)
    taken = exif(
        {0x010F: "Acme", 0x0110: "Pocket 3"}, {0x9003: "2019:06:14 18:03:20", 0x9011: "+02:00"}
    )
    write_photo(root / "2019 Rome" / "astronaut.jpg", photo("astronaut.png"), exif=taken)
    write_photo(root / "chelsea.jpg", photo("chelsea.png"))
    (root / "copy of chelsea.jpg").write_bytes((root / "chelsea.jpg").read_bytes())
    write_photo(root / os.fsdecode(b"caf\xe9.png"), photo("coffee.png"), format="PNG")
    write_photo(root / "rocket.jpg", photo("rocket.jpg"))
    (root / "broken.jpg").write_bytes((root / "chelsea.jpg").read_bytes()[:3000])
    for number, path in enumerate(sorted(root.rglob("*.*"))):
        os.utime(path, (1_560_000_000 + number, 1_560_000_000 + number))
    database = work / "newest.sqlite"
    code = "import sys; from scened.cli.main import main; sys.argv[0] = 'scened'; main()"
    command = [sys.executable, "-c", code, "--db", str(database), "run", "--once", str(root)]
    subprocess.run(command, stdout=subprocess.DEVNULL)
    (root / "rocket.jpg").unlink()
    subprocess.run(command, stdout=subprocess.DEVNULL)
    return database


def _fill(connection: sqlite3.Connection, newest: Path) -> None:
    """Copy every row into the older schema, as far as that has a place for it."""
    connection.create_function("date_words", 1, date_words)
    connection.execute("ATTACH ? AS newest", (str(newest),))
    tables = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM main.sqlite_master WHERE type = 'table'"
            " AND name NOT LIKE 'photo_search%' AND name NOT LIKE 'sqlite_%'"
            " AND name NOT IN ('alembic_version', 'daemon', 'governor', 'command')"
        )
    ]
    triggers = connection.execute(
        "SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger'"
    ).fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    for table in tables:
        columns = [row[1] for row in connection.execute(f"PRAGMA main.table_info({table})")]
        names = ", ".join(columns)
        connection.execute(f"DELETE FROM main.{table}")
        connection.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM newest.{table}")
    for _, sql in triggers:
        connection.execute(sql)
    connection.execute(
        "UPDATE root SET path = ?, path_text = ?, device = NULL", (HOME, HOME.decode())
    )
    connection.execute("UPDATE content SET analysed_at = '2026-01-02T03:04:05Z'")
    connection.execute("UPDATE daemon SET state = 'stopped', reason = 'stopped', done = 4")
    connection.execute(
        "INSERT INTO photo_search (rowid, path, tags, camera, dates)"
        " SELECT id, path, coalesce((SELECT group_concat(tag.name || ' ' || tag.synonyms, ', ')"
        "  FROM photo_tags JOIN tag ON tag.name = tag WHERE photo_id = photos.id), ''),"
        "  coalesce(camera, ''), date_words(taken_at) FROM photos"
    )
    connection.commit()
    connection.execute("DETACH newest")


if __name__ == "__main__":
    _main()
