"""`scened gallery`: a page on this machine to look at the library."""

from __future__ import annotations

from pathlib import Path

import click

from scened.cli.finding import pack_option
from scened.cli.options import settings_option
from scened.cli.output import say
from scened.config import load_settings
from scened.errors import MissingExtra
from scened.installation import install_extra

__all__ = ["gallery"]


@click.command(
    short_help="Show the library in the browser.", epilog="Example: scened gallery --no-browser"
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="The port to listen on. Default: one that is free.",
)
@click.option("--no-browser", is_flag=True, help="Print the link, and open nothing.")
@settings_option
@pack_option
@click.pass_obj
def gallery(
    database_file: Path,
    port: int,
    no_browser: bool,
    settings_file: Path | None,
    pack_folder: Path | None,
) -> None:
    """Show the library in the browser: search, tags, faces, similar photos, a timeline.

    The page is for this machine and this user alone: the link holds a secret that is made anew
    at every start. Nothing can be changed there, and your files are only read. Ends with Ctrl+C.
    """
    try:
        from scened.gallery.server import serve
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"the gallery needs {error.name}, which is not installed",
            install_extra("gallery"),
        ) from error
    serve(
        database_file,
        pack_folder,
        load_settings(settings_file),
        port=port,
        browser=not no_browser,
        announce=say,
    )
