"""Serve the pages on the loopback address until somebody ends it."""

from __future__ import annotations

import contextlib
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn

from scened.config import Settings
from scened.errors import CannotCreate
from scened.gallery.access import ADDRESS, Access
from scened.gallery.app import Gallery
from scened.gallery.cache import default_cache_folder
from scened.gallery.catalogue import Catalogue

__all__ = ["serve"]

WAITING_CONNECTIONS = 64
FAREWELL_SECONDS = 1


def serve(
    database_file: Path,
    pack_folder: Path | None,
    settings: Settings,
    *,
    port: int = 0,
    browser: bool,
    announce: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM; hand the link to `announce` once it can be followed.

    Port 0 takes one that is free. Raises CannotCreate where nothing can listen there, and what
    `Library.open` raises.
    """
    catalogue = Catalogue(database_file, pack_folder)
    with _listening(port) as listener:
        gallery = Gallery(catalogue, settings, default_cache_folder())
        access = Access(gallery.app(), listener.getsockname()[1])
        announce(access.link)
        if browser:
            # one in the terminal would not come back before it is left
            opening = threading.Thread(
                target=webbrowser.open, args=(access.link_for_once(),), daemon=True
            )
            opening.start()
        server = uvicorn.Server(
            uvicorn.Config(
                access,
                lifespan="on",
                ws="none",
                log_level="error",
                access_log=False,  # it would show the secret
                server_header=False,
                timeout_graceful_shutdown=FAREWELL_SECONDS,
            )
        )
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ADDRESS, port))
        listener.listen(WAITING_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise CannotCreate(
            f"port {port} cannot be listened on: {error.strerror}", "choose another with --port"
        ) from error
    return listener
