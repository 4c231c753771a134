"""`scened forget`: let nothing remain of what was known."""

from __future__ import annotations

import os
from pathlib import Path

import click

from scened.cli.options import changing
from scened.cli.output import say
from scened.errors import MissingPath
from scened.gallery.cache import remove_pictures
from scened.store.forgetting import forget_everything, forget_photos, wipe
from scened.store.lock import daemon_lock
from scened.store.ownership import refuse_foreign_owner
from scened.store.places import displayed

__all__ = ["forget"]


@click.command(
    short_help="Let nothing remain of what is known of photos.",
    epilog="Example: scened forget ~/Pictures/private",
)
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path())
@click.option("--everything", is_flag=True, help="The whole database, its backups and its logs.")
@click.pass_obj
def forget(database_file: Path, paths: tuple[str, ...], everything: bool) -> None:
    """Let nothing remain of what is known of photos, or of all photos in folders.

    Their bytes go from the database, its log, its search index and the daemon's logs; backups
    and the gallery's small pictures are removed. No photo file is touched. The daemon must not
    run meanwhile. A path at which nothing is known is refused, and then nothing is forgotten.
    """
    if everything == bool(paths):
        raise click.UsageError("name photos or folders, or say --everything")
    if not database_file.exists():
        raise MissingPath(f"there is no database at {database_file}", "nothing to forget")
    if everything:
        refuse_foreign_owner(database_file)
        with daemon_lock(database_file):
            forget_everything(database_file)
        remove_pictures()
        say("everything is forgotten, no photo file was touched")
        return
    exact = [_exact(path) for path in paths]
    with daemon_lock(database_file):
        with changing(database_file) as database:
            photos = forget_photos(database, exact)
        wipe(database_file)
    remove_pictures()
    say(f"{photos} photos forgotten, no file was touched; older backups were removed")
    for path in exact:
        if os.path.lexists(path):
            say(
                f"{displayed(path)} is still there: if its folder is watched it is found again,"
                " unless .scenedignore or .nomedia says otherwise"
            )


def _exact(path: str) -> bytes:
    """Return the path as the database has it; what lies at its end may be gone, or a link."""
    return os.fsencode(Path(path).absolute().parent.resolve() / Path(path).name).rstrip(b"/")
