"""What marks a file as ours, and the words its columns use."""

from __future__ import annotations

import enum

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "Status"]

APPLICATION_ID = 0x5343_4E44  # "SCND", https://sqlite.org/pragma.html#pragma_application_id
SCHEMA_VERSION = 8  # `user_version` after the newest step in migrations/versions


class Status(enum.StrEnum):
    """How far a photo has come (column `photos.status`)."""

    PENDING = "pending"
    ANALYSED = "analysed"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"
    MISSING = "missing"
