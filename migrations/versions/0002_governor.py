"""Schema 2: what the governor was told, and what it last said. Adds nothing to the contract."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE governor (               -- one row
        paused_until   TEXT,              -- UTC; null when not paused
        boosted_until  TEXT,
        duty           REAL NOT NULL DEFAULT 0,  -- share of the time that may be worked
        gates          TEXT NOT NULL DEFAULT '[]',  -- the gates' verdicts, JSON
        last_error     TEXT,
        daemon_bytes   INTEGER,           -- resident
        analyzer_bytes INTEGER            -- null while there is none
    )
    """,
    "INSERT INTO governor DEFAULT VALUES",
    "PRAGMA user_version = 2",
)


def upgrade() -> None:
    """Add the table, in the one transaction that alembic's environment holds."""
    for statement in STATEMENTS:
        op.execute(statement)
