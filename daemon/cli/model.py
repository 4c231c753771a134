"""`scened model`: the packs that photos are looked at with."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
import msgspec

from scened.analysis.trial import Timing, try_pack
from scened.cli.options import request
from scened.cli.output import as_json, echo_json
from scened.errors import DamagedPack
from scened.models.pack import FaceSettings, Source
from scened.packs import Packs
from scened.requests import USE

__all__ = ["model"]

ROUNDS = 30  # looks at each shape for `bench`


class ListedPack(msgspec.Struct, frozen=True):
    """A pack that is there; `fault` says what is wrong with it, if anything."""

    pack: str
    active: bool
    folder: str
    fault: str | None


class ShownPack(msgspec.Struct, frozen=True):
    """What a pack says of itself; `labels` counts its tags by kind, `bytes` all of its files."""

    pack: str
    active: bool
    folder: str
    summary: str
    licence: str
    labels: dict[str, int]
    shapes: tuple[tuple[int, int], ...]
    faces: FaceSettings
    sources: tuple[Source, ...]
    bytes: int


class TimedPack(msgspec.Struct, frozen=True):
    """How long one look takes here, shape by shape."""

    pack: str
    shapes: tuple[Timing, ...]


named = click.argument("name", metavar="[NAME]", default="")


@click.group(
    short_help="List, add, use, verify and time networks.", epilog="Example: scened model list"
)
def model() -> None:
    """List, show, add, use, verify and time packs: the networks that photos are looked at with."""


@model.command("list", epilog="Example: scened model list")
@as_json
@click.pass_obj
def list_(database_file: Path, json: bool) -> None:
    """List the packs that are there, and mark the one in use."""
    packs = Packs(database_file)
    active = packs.active()
    listed = [
        ListedPack(name, name == active, str(folder), _fault(packs, name))
        for name, folder in packs.folders().items()
    ]
    if json:
        echo_json(listed)
        return
    for each in listed:
        words = f"  ({each.fault})" if each.fault else ""
        click.echo(f"{'*' if each.active else ' '} {each.pack}  {each.folder}{words}")
    if active not in packs.folders():
        click.echo(f"scened: the pack in use, {active}, is not among them", err=True)


@model.command(epilog="Example: scened model show everyday-1")
@named
@as_json
@click.pass_obj
def show(database_file: Path, name: str, json: bool) -> None:
    """Show what a pack, by default the one in use, says of itself."""
    packs = Packs(database_file)
    pack = packs.open(name or packs.active())
    manifest = pack.manifest
    shown = ShownPack(
        pack=pack.identity,
        active=pack.identity == packs.active(),
        folder=str(pack.folder),
        summary=manifest.summary,
        licence=manifest.licence,
        labels=dict(Counter(label.kind for label in manifest.labels)),
        shapes=manifest.shapes,
        faces=manifest.faces,
        sources=manifest.sources,
        bytes=sum(file.stat().st_size for file in pack.folder.iterdir()),
    )
    if json:
        echo_json(shown)
        return
    click.echo(f"{shown.pack}{' (in use)' if shown.active else ''}: {_plain(shown.summary)}")
    click.echo(f"  {shown.folder}, {shown.bytes / 1e6:.1f} MB, licence {_plain(shown.licence)}")
    kinds = ", ".join(f"{count} {kind}" for kind, count in shown.labels.items())
    click.echo(f"  {len(manifest.labels)} tags: {kinds}")
    click.echo(
        f"  faces from a score of {shown.faces.threshold:g} on; a closer look where"
        f" {shown.faces.closer:g} small ones are expected"
    )
    for source in shown.sources:
        click.echo(f"  learnt from {_plain(source.name)} ({_plain(source.licence)})")


@model.command(
    short_help="Check a pack and copy it into the data folder.",
    epilog="Example: scened model add ~/Downloads/everyday-2",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.pass_obj
def add(database_file: Path, folder: Path) -> None:
    """Copy the pack in DIR into the data folder, if it is what it should be."""
    pack = Packs(database_file).add(folder)
    click.echo(f"{pack.identity} is there; `scened model use {pack.identity}` looks with it")


@model.command(
    short_help="Look with another pack from now on.", epilog="Example: scened model use everyday-2"
)
@click.argument("name", metavar="NAME")
@click.pass_obj
def use(database_file: Path, name: str) -> None:
    """Look with pack NAME from now on; what other packs saw stays until it is replaced."""
    try_pack(Packs(database_file).open(name).folder)
    for answer in request(database_file, USE, [name.encode()]):
        click.echo(answer.sentence)


@model.command(
    short_help="Check every file of a pack, and look with it once.",
    epilog="Example: scened model verify",
)
@named
@click.pass_obj
def verify(database_file: Path, name: str) -> None:
    """Check every file of a pack, by default the one in use, and look with it once."""
    packs = Packs(database_file)
    pack = packs.open(name or packs.active())
    try_pack(pack.folder)
    click.echo(f"{pack.identity} is sound: its files are as they should be, and its network runs")


@model.command(
    short_help="Measure how long a look takes on this machine.",
    epilog="Example: scened model bench --json",
)
@named
@as_json
@click.pass_obj
def bench(database_file: Path, name: str, json: bool) -> None:
    """Measure how long a look takes on this machine, in one thread, shape by shape."""
    packs = Packs(database_file)
    pack = packs.open(name or packs.active())
    timed = TimedPack(pack.identity, try_pack(pack.folder, ROUNDS))
    if json:
        echo_json(timed)
        return
    for shape in timed.shapes:
        click.echo(f"{shape.width} x {shape.height}  {shape.milliseconds:6.1f} ms")


def _fault(packs: Packs, name: str) -> str | None:
    try:
        packs.open(name)
    except DamagedPack as fault:
        return fault.message
    return None


def _plain(words: str) -> str:
    """Return a stranger's words as one line that no terminal takes for orders."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words
    )
