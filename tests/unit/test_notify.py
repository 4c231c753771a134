"""What systemd hears, on a real socket."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scened.notify import ServiceManager

PERIOD_SECONDS = 10.0


class Systemd:
    """The other end: a socket as systemd opens one, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.address = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        self.socket.setblocking(False)

    def manager(self, **environment: str) -> ServiceManager:
        watchdog = {"WATCHDOG_USEC": str(int(PERIOD_SECONDS * 1e6))}
        return ServiceManager(
            lambda: self.now, {"NOTIFY_SOCKET": self.address, **watchdog, **environment}
        )

    def heard(self) -> list[str]:
        words = []
        while True:
            try:
                words.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return words


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    systemd = Systemd(tmp_path)
    yield systemd
    systemd.socket.close()


def test_words_arrive(systemd: Systemd) -> None:
    systemd.manager().say("READY=1", "STATUS=idle")
    assert systemd.heard() == ["READY=1\nSTATUS=idle"]


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_an_abstract_socket_is_found(systemd: Systemd) -> None:
    name = f"scened-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as abstract:
        abstract.bind("\0" + name)
        abstract.setblocking(False)
        systemd.manager(NOTIFY_SOCKET="@" + name).say("READY=1")
        assert abstract.recv(4096) == b"READY=1"


def test_the_watchdog_is_fed_often_enough_to_lose_a_word(systemd: Systemd) -> None:
    manager = systemd.manager()
    for _ in range(int(PERIOD_SECONDS)):
        manager.feed_watchdog()
        systemd.now += 1.0
    assert 2 <= len(systemd.heard()) <= 4


def test_the_watchdog_of_another_process_is_not_fed(systemd: Systemd) -> None:
    systemd.manager(WATCHDOG_PID="1").feed_watchdog()
    assert systemd.heard() == []


def test_without_a_service_manager_nothing_is_said() -> None:
    manager = ServiceManager(lambda: 0.0, {})
    manager.say("READY=1")
    manager.feed_watchdog()


def test_a_manager_that_is_gone_is_not_missed(systemd: Systemd) -> None:
    systemd.socket.close()
    systemd.manager().say("READY=1")
