"""What the watching library logs, that a user should not see."""

from __future__ import annotations

import logging

import pytest

from scened.photos.watch import Watcher

LIBRARY = "watchdog.observers.inotify"


@pytest.fixture
def watcher() -> Watcher:
    watcher = Watcher([].append)
    watcher.start()
    watcher.stop()
    return watcher


@pytest.mark.usefixtures("watcher")
def test_an_event_while_it_stops_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger(LIBRARY).error(
        "InotifyEmitter.queue_events() called when the thread is inactive"
    )
    assert caplog.messages == []


@pytest.mark.usefixtures("watcher")
def test_other_errors_of_the_library_are_shown(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger(LIBRARY).error("something else")
    assert caplog.messages == ["something else"]
