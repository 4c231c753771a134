"""Where the daemon's log goes and how a line looks: logfmt, to a service manager or to a file.

Above debug level nothing is logged that says what a photo shows or where it lies.
"""

from __future__ import annotations

import datetime
import io
import logging
import os
import re
import sys
from collections.abc import Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path

__all__ = ["LOG_NAME", "LogfmtFormatter", "log_file", "managed", "set_up_logs"]

LOG_NAME = "scened.log"
FILE_BYTES = 1_000_000
FILES_KEPT = 3
# What systemd (sd-daemon(3)) and launchd (launchd.plist(5)) put into a service's environment
MANAGER_VARIABLES = ("JOURNAL_STREAM", "NOTIFY_SOCKET", "SCENED_SERVICE")
SYSLOG_LEVELS = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}

_PLAIN = re.compile(r"[^\s\"=]+")


class LogfmtFormatter(logging.Formatter):
    """`time=… level=… from=… message="…"`: one line an event, whatever the message holds.

    With `syslog_prefix` a line begins with its priority, as sd-daemon(3) has it.
    """

    def __init__(self, *, syslog_prefix: bool = False) -> None:
        super().__init__()
        self._syslog_prefix = syslog_prefix

    def format(self, record: logging.LogRecord) -> str:
        """Return the event as one line."""
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        fields = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "from": record.name.removeprefix("scened."),
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        prefix = f"<{SYSLOG_LEVELS.get(record.levelno, 6)}>" if self._syslog_prefix else ""
        return prefix + " ".join(f"{name}={_quoted(value)}" for name, value in fields.items())


class _PrivateFile(RotatingFileHandler):
    """A log that only its owner reads: at debug level it names photos."""

    def _open(self) -> io.TextIOWrapper:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        descriptor = os.open(self.baseFilename, flags, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8")


def log_file(database_file: Path) -> Path:
    """Return where the log lies when no service manager takes it: beside the database."""
    return database_file.with_name(LOG_NAME)


def managed(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a service manager started this process and keeps what it writes."""
    return any(environment.get(name) for name in MANAGER_VARIABLES)


def set_up_logs(
    database_file: Path, *, verbose: bool, environment: Mapping[str, str] = os.environ
) -> None:
    """Send the log to the service manager's stderr, or else to a rotating file.

    In a terminal warnings are shown too; `verbose` shows everything, and logs it.
    """
    level = logging.DEBUG if verbose else logging.INFO
    logging.getLogger("scened").setLevel(level)
    shown = logging.StreamHandler(sys.stderr)
    handlers: list[logging.Handler] = [shown]
    if managed(environment):
        prefixed = bool(environment.get("JOURNAL_STREAM"))
        shown.setFormatter(LogfmtFormatter(syslog_prefix=prefixed))
    else:
        shown.setLevel(level if verbose else logging.WARNING)
        shown.setFormatter(logging.Formatter("scened: %(message)s"))
        try:
            kept = _PrivateFile(
                log_file(database_file), maxBytes=FILE_BYTES, backupCount=FILES_KEPT - 1
            )
        except OSError:
            pass  # the database itself will tell that nothing can be written there
        else:
            kept.setFormatter(LogfmtFormatter())
            handlers.append(kept)
    logging.basicConfig(level=logging.WARNING, handlers=handlers, force=True)


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
