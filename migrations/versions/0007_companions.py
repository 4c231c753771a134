"""Schema 7: the videos of Live Photos, which share the stack of their still.

The contract grows by the view `companions`; the still has a `photos.stack_id` like any file of a
picture that is several files.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE companion (              -- a video that belongs to a photo
        file_id INTEGER NOT NULL REFERENCES file (id) ON DELETE CASCADE,
        name    BLOB NOT NULL,            -- in the folder of the file
        shown   TEXT NOT NULL,            -- the name for display
        PRIMARY KEY (file_id, name)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX file_by_stack ON file (stack_id) WHERE stack_id IS NOT NULL",
    # what stands before the last slash of the photo's path, and the companion's name
    """
    CREATE VIEW companions AS
    SELECT
        photos.stack_id,
        rtrim(photos.path, replace(photos.path, '/', '')) || companion.shown AS path,
        CAST(
            substr(photos.path_bytes, 1, length(photos.path_bytes) - length(file.name))
            || companion.name AS BLOB
        ) AS path_bytes
    FROM companion
    JOIN file ON file.id = companion.file_id
    JOIN photos ON photos.id = file.id
    """,
    "PRAGMA user_version = 7",
)


def upgrade() -> None:
    """Add a table, an index and a view, in the one transaction that alembic's environment holds."""
    for statement in STATEMENTS:
        op.execute(statement)
