"""Schema 6: keywords and ratings of other programs, and tags corrected by hand.

The contract grows by the views `photo_keywords` and `photo_corrections`, by `photos.rating` and
by `photo_search.keywords`.
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE content ADD COLUMN rating INTEGER",  # in the file itself
    """
    CREATE TABLE content_keyword (        -- in the file itself
        content_id INTEGER NOT NULL REFERENCES content (id) ON DELETE CASCADE,
        keyword    TEXT NOT NULL,
        PRIMARY KEY (content_id, keyword)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE sidecar (                -- what lies beside a file
        file_id     INTEGER PRIMARY KEY REFERENCES file (id) ON DELETE CASCADE,
        name        BLOB NOT NULL,        -- in the folder of the file
        size        INTEGER NOT NULL,
        modified_ns INTEGER NOT NULL,
        waiting     INTEGER NOT NULL DEFAULT 1,  -- it is to be read
        rating      INTEGER,
        error       TEXT                  -- why it could not be read
    )
    """,
    "CREATE INDEX sidecar_waiting ON sidecar (file_id) WHERE waiting",
    """
    CREATE TABLE sidecar_keyword (
        file_id INTEGER NOT NULL REFERENCES sidecar (file_id) ON DELETE CASCADE,
        keyword TEXT NOT NULL,
        PRIMARY KEY (file_id, keyword)
    ) WITHOUT ROWID
    """,
    # by hash and name, so that what somebody said outlives whatever else is known
    """
    CREATE TABLE correction (
        hash    BLOB NOT NULL,            -- content.hash
        tag     TEXT NOT NULL,
        present INTEGER NOT NULL CHECK (present IN (0, 1)),
        PRIMARY KEY (hash, tag)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE content_tag_seen (       -- of corrected contents: what content_tag was
        content_id INTEGER NOT NULL REFERENCES content (id) ON DELETE CASCADE,
        tag_id     INTEGER NOT NULL REFERENCES tag (id),
        score      INTEGER NOT NULL,
        PRIMARY KEY (content_id, tag_id)
    ) WITHOUT ROWID
    """,
    """
    CREATE VIEW photo_keywords AS
    SELECT file.id AS photo_id, content_keyword.keyword, 'file' AS source
    FROM file
    JOIN content_keyword ON content_keyword.content_id = file.content_id
    UNION ALL
    SELECT file_id, keyword, 'sidecar' FROM sidecar_keyword
    """,
    """
    CREATE VIEW photo_corrections AS
    SELECT file.id AS photo_id, correction.tag, correction.present
    FROM file
    JOIN content ON content.id = file.content_id
    JOIN correction ON correction.hash = content.hash
    """,
    # FTS5 tables cannot get a column, so this one is written anew
    "CREATE TEMPORARY TABLE indexed AS SELECT rowid AS id, * FROM photo_search",
    "DROP TABLE photo_search",
    """
    CREATE VIRTUAL TABLE photo_search USING fts5 (
        path, tags, camera, dates, keywords, tokenize = 'porter unicode61 remove_diacritics 2'
    )
    """,
    """
    INSERT INTO photo_search (rowid, path, tags, camera, dates, keywords)
    SELECT id, path, tags, camera, dates, '' FROM indexed
    """,
    "DROP TABLE indexed",
    "PRAGMA user_version = 6",
)


def upgrade() -> None:
    """Add tables, views and columns, in the one transaction that alembic's environment holds."""
    for statement in (*STATEMENTS[:-1], *_view_with_rating(), STATEMENTS[-1]):
        op.execute(statement)


def _view_with_rating() -> tuple[str, str]:
    """Return what makes the view `photos` anew, as it stands, with one more column at its end."""
    (view,) = (
        op.get_bind()
        .exec_driver_sql("SELECT sql FROM sqlite_master WHERE type = 'view' AND name = 'photos'")
        .one()
    )
    start, end = view.rsplit("\nFROM file\n", 1)
    rating = "coalesce((SELECT rating FROM sidecar WHERE file_id = file.id), content.rating)"
    return "DROP VIEW photos", f"{start},\n    {rating} AS rating\nFROM file\n{end}"
