"""Photos that waited for a codec become pending again once it is installed."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, text

from scened.formats import EXTRA_FORMATS, Support

__all__ = ["retry_unsupported"]

RETRY_FILES = text(
    """
    UPDATE file SET status = 'pending', error = NULL, identified = 0, content_id = NULL
    WHERE status = 'unsupported' AND error IN :reasons
    """
).bindparams(bindparam("reasons", expanding=True))

FORGET_CONTENTS = text(
    """
    DELETE FROM content WHERE outcome = 'unsupported' AND error IN :reasons
        AND NOT EXISTS (SELECT 1 FROM file WHERE file.content_id = content.id)
    """
).bindparams(bindparam("reasons", expanding=True))


def retry_unsupported(connection: Connection) -> int:
    """Make photos pending again whose codec is there by now; return how many there are."""
    cured = [each.reason for each in EXTRA_FORMATS if each.support is Support.READABLE]
    retried = connection.execute(RETRY_FILES, {"reasons": cured}).rowcount
    connection.execute(FORGET_CONTENTS, {"reasons": cured})
    return retried
