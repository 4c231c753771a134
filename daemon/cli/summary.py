"""What `scened run --once` says at its end, and what to try next."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from scened.cli.output import say
from scened.config import default_database
from scened.formats import EXTRA_FORMATS
from scened.installation import install_extra
from scened.library import Library
from scened.service import Summary
from scened.store.database import Database
from scened.store.reading import FailedPhoto, frequent_tags, not_analysed
from scened.wording import duration

__all__ = ["print_left_alone", "print_summary"]

LISTED = 20  # photos without findings that are named; `scened status` counts the rest
LEFT_ALONE = 3  # photos of a format that are named
TAGS = 12


def print_summary(database: Database, summary: Summary, seconds: float) -> None:
    """Print counts, speed, what failed and why, the most frequent tags, and the next commands."""
    counts = summary.counts
    with database.reading() as connection:
        without = not_analysed(connection)
        tags = frequent_tags(connection, TAGS)
    if summary.stopped:
        say(f"stopped; {counts.pending} photos are still pending, the next run goes on")
    say(
        f"{counts.total} photos: {counts.done} analysed, {counts.failed} failed,"
        f" {counts.unsupported} not supported"
        + (f", {counts.missing} missing" * bool(counts.missing))
    )
    if not counts.total:
        say("No photos were found in the watched folders; `scened add DIR` watches another")
        return
    say(_pace(summary, seconds))
    _print_without_findings(without)
    if tags:
        say("Seen most: " + ", ".join(f"{tag.tag} ({tag.photos})" for tag in tags))
    say(f"Everything is in {database.file}")
    if tags:
        _print_next(database, tags[0].tag)


def print_left_alone(database: Database) -> None:
    """Say which photos no codec here reads, and which extra does."""
    with database.reading() as connection:
        photos = not_analysed(connection)
    for found in EXTRA_FORMATS:
        names = [photo.path for photo in photos if photo.error == found.reason]
        if names:
            more = f" and {len(names) - LEFT_ALONE} more" * (len(names) > LEFT_ALONE)
            shown = ", ".join(names[:LEFT_ALONE])
            say(f"left alone: {shown}{more}: {found.family} photos need a codec")
            say(f"  {install_extra(found.extra)}")


def _invocation(database: Database) -> str:
    """Return how this very program and database are called from where the user stands."""
    found = shutil.which("scened")
    here = found is not None and Path(found).samefile(sys.argv[0])
    words = ["scened" if here else sys.argv[0]]
    if database.file != default_database():
        words += ["--db", str(database.file)]
    return shlex.join(words)


def _pace(summary: Summary, seconds: float) -> str:
    spent = summary.seconds
    total = spent.hashing + spent.decoding + spent.network
    if not summary.analysed or not total:
        return "Nothing new to look at."
    return (
        f"Looked at {summary.analysed} in {duration(seconds)}"
        f" ({summary.analysed / seconds:.1f} a second; {spent.decoding / total:.0%} decoding,"
        f" {spent.network / total:.0%} network, {spent.hashing / total:.0%} hashing)"
    )


def _print_without_findings(photos: list[FailedPhoto]) -> None:
    for photo in photos[:LISTED]:
        say(f"  {photo.status}: {photo.path}: {photo.error}")
    if len(photos) > LISTED:
        say(f"  and {len(photos) - LISTED} more")
    for found in EXTRA_FORMATS:
        if any(photo.error == found.reason for photo in photos):
            say(f"  to read {found.family} photos: {install_extra(found.extra)}")


def _print_next(database: Database, tag: str) -> None:
    with Library.open(database.file) as library:
        best = library.search(f'"{tag}"', by="tags", limit=1).photos[0]
    scened = _invocation(database)
    say("Try next:")
    say(f"  {scened} search {shlex.quote(tag)}")
    say(f"  {scened} show {shlex.quote(best.path)} --render seen.png")
    say(f"  {scened} run        # keeps watching; new photos are there within seconds")
