"""A log line is one line of logfmt; the log goes where someone keeps it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scened.logs import FILES_KEPT, LogfmtFormatter, log_file, set_up_logs

logger = logging.getLogger("scened.test")


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers = handlers
    root.setLevel(level)
    logging.getLogger("scened").setLevel(logging.NOTSET)


def record(message: str) -> logging.LogRecord:
    return logging.LogRecord("scened.service", logging.INFO, "", 0, message, None, None)


@given(st.text())
@pytest.mark.promise(
    "text: line feeds and escape sequences in the log",
    "one line, escaped",
)
def test_a_message_is_one_line_whatever_it_holds(message: str) -> None:
    line = LogfmtFormatter().format(record(message))
    assert "\n" not in line
    assert line.count(" from=service message=") >= 1


def test_systemd_learns_the_priority() -> None:
    assert LogfmtFormatter(syslog_prefix=True).format(record("idle")).startswith("<6>time=")


@pytest.mark.promise(
    "access: any umask",
    "database, log, lock, backups and caches are 0600 in folders 0700",
)
def test_without_a_manager_the_log_is_a_private_file(tmp_path: Path) -> None:
    set_up_logs(tmp_path / "library.sqlite", verbose=False, environment={})
    logger.info("it goes on")
    file = log_file(tmp_path / "library.sqlite")
    assert 'level=info from=test message="it goes on"' in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_terminal_shows_warnings_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(tmp_path / "library.sqlite", verbose=False, environment={})
    logger.info("it goes on")
    logger.warning("it goes slowly")
    assert capsys.readouterr().err == "scened: it goes slowly\n"


def test_under_a_manager_all_goes_to_it_and_no_file_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs(tmp_path / "library.sqlite", verbose=False, environment={"JOURNAL_STREAM": "8:1"})
    logger.info("it goes on")
    assert capsys.readouterr().err.startswith("<6>time=")
    assert not log_file(tmp_path / "library.sqlite").exists()


def test_verbose_shows_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(tmp_path / "library.sqlite", verbose=True, environment={})
    logger.debug("a detail")
    assert "a detail" in capsys.readouterr().err


def test_the_file_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scened.logs.FILE_BYTES", 1000)
    set_up_logs(tmp_path / "library.sqlite", verbose=False, environment={})
    for number in range(200):
        logger.info("line %d", number)
    files = sorted(tmp_path.glob("scened.log*"))
    assert len(files) == FILES_KEPT
    assert all(file.stat().st_size <= 1000 for file in files)
