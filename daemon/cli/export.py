"""`scened export`: what is known of the photos, for other programs."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, TextIO

import click

from scened.cli.finding import filter_options
from scened.cli.output import json_line, say
from scened.errors import CannotCreate, ExitCode
from scened.export import Exported, export_sidecars
from scened.formats import format_of
from scened.library import Library
from scened.records import Photo
from scened.search.filters import Filters
from scened.store.places import displayed
from scened.wording import visible

__all__ = ["export"]

COLUMNS = (
    "id",
    "path",
    "taken_at",
    "width",
    "height",
    "format",
    "camera",
    "latitude",
    "longitude",
    "status",
    "rating",
)


@click.command(
    short_help="Give all that is known to other programs.",
    epilog="Example: scened export --format xmp --from 2019 --dry-run",
)
@click.option(
    "--format",
    "target",
    type=click.Choice(["jsonl", "csv", "xmp"]),
    default="jsonl",
    show_default=True,
    help="JSON Lines, a table, or XMP sidecars beside the photos.",
)
@filter_options
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write there; without it to the standard output.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@click.pass_obj
def export(
    database_file: Path,
    target: Literal["jsonl", "csv", "xmp"],
    filters: Filters,
    output: Path | None,
    dry_run: bool,
) -> None:
    """Give tags, faces and all else that is known of the photos to other programs.

    With --format xmp, keywords and face regions are merged into the sidecars beside the photos
    (photo.jpg.xmp, or photo.xmp where there is one): what others wrote there stays, and no photo
    is ever written to. Tags count from a score of 0.5, or from --min-score.
    """
    with Library.open(database_file) as library:
        if target == "xmp":
            if output is not None:
                raise click.UsageError("sidecars are written beside the photos, not to --output")
            _export_sidecars(export_sidecars(library, filters, dry_run=dry_run), dry_run=dry_run)
            return
        write = _write_json_lines if target == "jsonl" else _write_table
        photos = _with_likely_tags(library.photos(filters), filters.least_score)
        if dry_run:
            say(f"{sum(1 for _ in photos)} photos would be written")
            return
        with _opened(output, database_file) as file:
            write(photos, file)


def _export_sidecars(exported: Iterable[Exported], *, dry_run: bool) -> None:
    new = changed = same = failed = 0
    for each in exported:
        if each.error is not None:
            failed += 1
            say(f"scened: {displayed(each.sidecar)} was left alone: {each.error}", err=True)
        elif each.merged is None:
            same += 1
        else:
            new += each.is_new
            changed += not each.is_new
            if dry_run:
                say(_difference(each))
    end = "; nothing was written" if dry_run else ""
    say(f"sidecars: {new} new, {changed} changed, {same} as they should be{end}")
    if failed:
        sys.exit(ExitCode.SOME_FAILED)


def _difference(each: Exported) -> str:
    merged = each.merged
    words = [f"+{word}" for word in merged.added] if merged else []
    words += [f"-{word}" for word in merged.removed] if merged else []
    if merged and merged.regions:
        words.append(f"{merged.regions} faces")
    return f"{'new' if each.is_new else 'changed'}  {displayed(each.sidecar)}  {', '.join(words)}"


def _with_likely_tags(photos: Iterable[Photo], least: float) -> Iterator[Photo]:
    """Leave out the tags below a score."""
    import msgspec

    for photo in photos:
        likely = tuple(tag for tag in photo.tags if tag.score >= least)
        yield msgspec.structs.replace(photo, tags=likely)


def _write_json_lines(photos: Iterable[Photo], file: TextIO) -> None:
    for photo in photos:
        file.write(json_line(photo) + "\n")


def _write_table(photos: Iterable[Photo], file: TextIO) -> None:
    """Write a table (RFC 4180), a line a photo; tags, best first, and keywords after semicolons."""
    shown = visible if file.isatty() else str
    table = csv.writer(file)
    table.writerow((*COLUMNS, "tags", "faces", "keywords"))
    for photo in photos:
        values = (
            *(getattr(photo, column) for column in COLUMNS),
            ";".join(tag.tag for tag in photo.tags),
            len(photo.faces),
            ";".join(dict.fromkeys(keyword.keyword for keyword in photo.keywords)),
        )
        table.writerow(shown(value) if isinstance(value, str) else value for value in values)


@contextlib.contextmanager
def _opened(output: Path | None, database_file: Path) -> Iterator[TextIO]:
    """Open a new file that takes its place only when it is complete, or the standard output."""
    if output is None:
        text = io.TextIOWrapper(sys.stdout.buffer, "utf-8", newline="", write_through=True)
        try:
            yield text
        finally:
            text.detach()
        return
    if format_of(output) is not None or output.absolute() == database_file:
        raise CannotCreate(f"{output} would be overwritten", "name a file that is no photo")
    try:
        descriptor, temporary = tempfile.mkstemp(
            prefix=f".{output.name}.", dir=output.absolute().parent
        )
    except OSError as error:
        raise CannotCreate(f"{output} cannot be written: {error.strerror}") from error
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123
            yield file
        os.replace(temporary, output)  # noqa: PTH105
    except OSError as error:
        raise CannotCreate(f"{output} cannot be written: {error.strerror}") from error
    finally:
        Path(temporary).unlink(missing_ok=True)
