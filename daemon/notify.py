"""Tell systemd how things stand: sd_notify(3), and the watchdog of systemd.service(5)."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from scened.clock import Clock

__all__ = ["ServiceManager"]

WATCHDOG_SHARE = 1 / 3  # of the time systemd allows: two words may be lost


class ServiceManager:
    """Speaks to the socket that systemd names; says nothing where there is none.

    Source: sd_notify(3). A name that begins with @ is in Linux's abstract namespace.
    """

    def __init__(self, clock: Clock, environment: Mapping[str, str] = os.environ) -> None:
        self._clock = clock
        self._address = environment.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):
            self._address = "\0" + self._address[1:]
        for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        allowed_us = int(environment.get("WATCHDOG_USEC", "0")) if for_us else 0
        self._period = allowed_us / 1e6 * WATCHDOG_SHARE
        self._fed_at: float | None = None

    def say(self, *words: str) -> None:
        """Send assignments such as READY=1; what cannot be sent is not missed."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            try:
                sender.sendto("\n".join(words).encode(), self._address)
            except OSError:
                return

    def feed_watchdog(self) -> None:
        """Tell that the caller still goes round; cheap to call in every round."""
        now = self._clock()
        due = self._fed_at is None or now - self._fed_at >= self._period
        if self._address and self._period and due:
            self._fed_at = now
            self.say("WATCHDOG=1")
