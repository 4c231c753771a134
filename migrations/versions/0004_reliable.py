"""Schema 4: what failed, whether time or another decoder may help. Adds nothing to the contract."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = (
    # which decoder, within which limits, failed on the content
    "ALTER TABLE content ADD COLUMN decoder TEXT",
    # looked at while faces were switched off
    "ALTER TABLE content ADD COLUMN faceless INTEGER NOT NULL DEFAULT 0",
    # for a file of which no content is known: its decoder, and why it was set aside
    "ALTER TABLE file ADD COLUMN decoder TEXT",
    "ALTER TABLE file ADD COLUMN setback TEXT",
    # the disk or its permissions were the reason: tried again from time to time
    "ALTER TABLE file ADD COLUMN transient INTEGER NOT NULL DEFAULT 0",
    # before this step only what could not be read was set aside without a content
    "UPDATE file SET transient = 1 WHERE status = 'failed' AND NOT identified AND attempts = 0",
    "UPDATE file SET setback = error WHERE status = 'failed' AND NOT identified",
    # why a root is read at intervals instead of watched; null where it is watched
    "ALTER TABLE root ADD COLUMN polled TEXT",
    "PRAGMA user_version = 4",
)


def upgrade() -> None:
    """Add the columns, in the one transaction that alembic's environment holds."""
    for statement in STATEMENTS:
        op.execute(statement)
