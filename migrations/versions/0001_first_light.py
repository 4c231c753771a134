"""Schema 1: roots, files, contents and their findings, and version 1 of the database contract.

The tables are scened's own and may change in a later step. The views, `photo_search`, `removed`
and `daemon` are the contract that other programs rely on (docs/contract.md): later steps only
add to them.
"""

from __future__ import annotations

import sqlite3

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE sequence (               -- one row: the last seq given out
    value INTEGER NOT NULL
);
INSERT INTO sequence (value) VALUES (0);

CREATE TABLE root (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    path      BLOB NOT NULL UNIQUE,   -- absolute, no slash at the end; empty for the root folder
    path_text TEXT NOT NULL,
    device    INTEGER,                -- st_dev when last seen with its photos
    available INTEGER NOT NULL DEFAULT 1
);

CREATE TABLE pack (
    id       INTEGER PRIMARY KEY,
    identity TEXT NOT NULL UNIQUE     -- NAME-VERSION
);

CREATE TABLE tag (
    id       INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    kind     TEXT NOT NULL CHECK (kind IN ('scene', 'object', 'people', 'medium')),
    parent   TEXT,
    synonyms TEXT NOT NULL DEFAULT '' -- separated by a comma and a space
);

CREATE TABLE content (                -- what is known of some bytes, wherever they lie
    id           INTEGER PRIMARY KEY,
    hash         BLOB NOT NULL UNIQUE CHECK (length(hash) = 16),  -- XXH3-128 of the whole file
    size         INTEGER NOT NULL,
    outcome      TEXT NOT NULL CHECK (outcome IN ('analysed', 'failed', 'unsupported')),
    error        TEXT,
    pack_id      INTEGER NOT NULL REFERENCES pack (id),
    analysed_at  TEXT NOT NULL,
    width        INTEGER,
    height       INTEGER,
    format       TEXT,
    camera       TEXT,
    taken_at     TEXT,
    taken_offset TEXT,
    latitude     REAL,
    longitude    REAL,
    sharpness    REAL
);
CREATE INDEX content_by_size ON content (size);
CREATE INDEX content_by_pack ON content (pack_id);

CREATE TABLE content_tag (
    content_id INTEGER NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    tag_id     INTEGER NOT NULL REFERENCES tag (id),
    score      INTEGER NOT NULL CHECK (score BETWEEN 0 AND 10000),  -- ten-thousandths
    PRIMARY KEY (content_id, tag_id)
) WITHOUT ROWID;
CREATE INDEX content_tag_by_tag ON content_tag (tag_id, score);

CREATE TABLE content_face (
    content_id INTEGER NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL CHECK (number BETWEEN 0 AND 4095),
    x          REAL NOT NULL,
    y          REAL NOT NULL,
    width      REAL NOT NULL,
    height     REAL NOT NULL,
    score      REAL NOT NULL,
    PRIMARY KEY (content_id, number)
) WITHOUT ROWID;

CREATE TABLE content_embedding (
    content_id INTEGER PRIMARY KEY REFERENCES content (id) ON DELETE CASCADE,
    pack_id    INTEGER NOT NULL REFERENCES pack (id),
    vector     BLOB NOT NULL          -- int8, unit vector times 127
);

CREATE TABLE file (                   -- one path; what it shows belongs to its content
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    seq         INTEGER NOT NULL DEFAULT 0,
    root_id     INTEGER NOT NULL REFERENCES root (id),
    folder      BLOB NOT NULL,        -- relative to the root; empty for the root itself
    name        BLOB NOT NULL,
    shown       TEXT,                 -- folder and name for display, where they are not UTF-8
    device      INTEGER NOT NULL,
    inode       INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    content_id  INTEGER REFERENCES content (id),
    identified  INTEGER NOT NULL DEFAULT 0,  -- content_id is that of this very size and modified_ns
    stack_id    INTEGER,
    status      TEXT NOT NULL DEFAULT 'pending'
                CHECK (status IN ('pending', 'analysed', 'failed', 'unsupported', 'missing')),
    error       TEXT,
    attempts    INTEGER NOT NULL DEFAULT 0,  -- looks at it that the analyzer did not survive
    UNIQUE (root_id, folder, name)
);
CREATE INDEX file_by_seq ON file (seq);
CREATE INDEX file_by_status ON file (status, attempts, modified_ns DESC);
CREATE INDEX file_by_content ON file (content_id);
CREATE INDEX file_by_inode ON file (inode);

CREATE TABLE removed (
    photo_id INTEGER PRIMARY KEY,
    seq      INTEGER NOT NULL
);
CREATE INDEX removed_by_seq ON removed (seq);

CREATE TABLE daemon (                 -- one row
    pid          INTEGER,
    version      TEXT,
    heartbeat_at TEXT,
    state        TEXT NOT NULL,
    reason       TEXT NOT NULL,
    done         INTEGER NOT NULL,
    pending      INTEGER NOT NULL,
    failed       INTEGER NOT NULL,
    rate         REAL,
    eta_seconds  REAL,
    pack         TEXT
);
INSERT INTO daemon (state, reason, done, pending, failed) VALUES ('stopped', 'never ran', 0, 0, 0);

CREATE TABLE command (                -- what a running daemon is asked to do, and its answer
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    verb      TEXT NOT NULL,
    argument  BLOB NOT NULL,          -- a path
    issued_at TEXT NOT NULL,
    exit_code INTEGER,                -- null until answered
    answer    TEXT
);

CREATE VIRTUAL TABLE photo_search USING fts5 (
    path, tags, camera, dates, tokenize = 'porter unicode61 remove_diacritics 2'
);

-- seq grows with every change of a photo, whoever makes it
CREATE TRIGGER file_added AFTER INSERT ON file BEGIN
    UPDATE sequence SET value = value + 1;
    UPDATE file SET seq = (SELECT value FROM sequence) WHERE id = new.id;
END;
CREATE TRIGGER file_changed
AFTER UPDATE OF root_id, folder, name, size, modified_ns, content_id, stack_id, status, error
ON file BEGIN
    UPDATE sequence SET value = value + 1;
    UPDATE file SET seq = (SELECT value FROM sequence) WHERE id = new.id;
END;
CREATE TRIGGER file_removed AFTER DELETE ON file BEGIN
    UPDATE sequence SET value = value + 1;
    INSERT INTO removed (photo_id, seq) VALUES (old.id, (SELECT value FROM sequence));
    DELETE FROM photo_search WHERE rowid = old.id;
END;

CREATE VIEW photos AS
SELECT
    file.id,
    file.seq,
    root.path_text || '/' || coalesce(
        file.shown,
        CASE WHEN length(file.folder) THEN CAST(file.folder AS TEXT) || '/' ELSE '' END
        || CAST(file.name AS TEXT)
    ) AS path,
    CAST(
        root.path || x'2f' || CASE WHEN length(file.folder) THEN file.folder || x'2f' ELSE x'' END
        || file.name AS BLOB
    ) AS path_bytes,
    CASE root.path_text WHEN '' THEN '/' ELSE root.path_text END AS root,
    file.size AS file_size,
    strftime('%Y-%m-%dT%H:%M:%fZ', file.modified_ns / 1e9, 'unixepoch') AS modified_at,
    content.taken_at,
    content.taken_offset,
    content.width,
    content.height,
    content.format,
    content.camera,
    content.latitude,
    content.longitude,
    CASE WHEN file.identified THEN lower(hex(content.hash)) END AS content_hash,
    file.stack_id,
    file.status,
    file.error,
    CASE content.outcome WHEN 'analysed' THEN content.analysed_at END AS analysed_at,
    CASE content.outcome WHEN 'analysed' THEN pack.identity END AS pack,
    content.sharpness
FROM file
JOIN root ON root.id = file.root_id
LEFT JOIN content ON content.id = file.content_id
LEFT JOIN pack ON pack.id = content.pack_id;

CREATE VIEW photo_tags AS
SELECT
    file.id AS photo_id,
    tag.name AS tag,
    content_tag.score / 10000.0 AS score,
    tag.kind
FROM file
JOIN content_tag ON content_tag.content_id = file.content_id
JOIN tag ON tag.id = content_tag.tag_id;

CREATE VIEW faces AS
SELECT
    file.id * 4096 + content_face.number AS id,
    file.id AS photo_id,
    content_face.x,
    content_face.y,
    content_face.width,
    content_face.height,
    content_face.score
FROM file
JOIN content_face ON content_face.content_id = file.content_id;

CREATE VIEW embeddings AS
SELECT
    file.id AS photo_id,
    pack.identity AS pack,
    length(content_embedding.vector) AS dim,
    content_embedding.vector
FROM file
JOIN content_embedding ON content_embedding.content_id = file.content_id
JOIN pack ON pack.id = content_embedding.pack_id;

CREATE VIEW tags AS
SELECT
    tag.name,
    tag.kind,
    tag.parent,
    (
        SELECT count(*)
        FROM content_tag
        JOIN file ON file.content_id = content_tag.content_id
        WHERE content_tag.tag_id = tag.id
    ) AS photos
FROM tag;

PRAGMA application_id = 0x53434E44;   -- "SCND"
PRAGMA user_version = 1;
"""


def upgrade() -> None:
    """Create everything, in the one transaction that alembic's environment holds."""
    for statement in _statements(SCHEMA):
        op.execute(statement)


def _statements(script: str) -> list[str]:
    """Split a script where SQLite itself sees complete statements (triggers hold semicolons)."""
    statements: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if line.split("--", 1)[0].rstrip().endswith(";") and sqlite3.complete_statement(pending):
            statements.append(pending.strip())
            pending = ""
    return statements
