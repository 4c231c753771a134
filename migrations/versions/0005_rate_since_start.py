"""Schema 5: how fast the work went since the daemon started. Adds nothing to the contract."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE governor ADD COLUMN rate_since_start REAL",  # photos a second of work
    "PRAGMA user_version = 5",
)


def upgrade() -> None:
    """Add the column, in the one transaction that alembic's environment holds."""
    for statement in STATEMENTS:
        op.execute(statement)
