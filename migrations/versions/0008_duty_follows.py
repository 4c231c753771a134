"""Schema 8: what the duty follows, in words. Adds nothing to the contract."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE governor ADD COLUMN duty_follows TEXT NOT NULL DEFAULT ''",
    "PRAGMA user_version = 8",
)


def upgrade() -> None:
    """Add the column, in the one transaction that alembic's environment holds."""
    for statement in STATEMENTS:
        op.execute(statement)
