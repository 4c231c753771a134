"""`scened show`: all that is known of one photo, on request drawn on it."""

from __future__ import annotations

from pathlib import Path

import click

from scened.analysis.drawing import draw
from scened.cli.output import as_json, echo_json, say
from scened.findings import TagScore
from scened.library import Library
from scened.records import Photo

__all__ = ["show"]


@click.command(
    short_help="Show what was seen in a photo, or draw it.",
    epilog="Example: scened show ~/Pictures/beach.jpg --render seen.png",
)
@click.argument("path", metavar="PHOTO", type=click.Path())
@click.option(
    "--render",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="OUT.png",
    help="Write the picture with its face boxes and best tags drawn on it.",
)
@as_json
@click.pass_obj
def show(database_file: Path, path: str, render: Path | None, json: bool) -> None:
    """Show what was seen in a photo: tags, faces, size, date, place."""
    with Library.open(database_file) as library:
        seen = library.photo(path)
        (exact,) = library.exact_paths([seen.id])
    if render is not None:
        draw(exact, [TagScore(tag.tag, tag.score) for tag in seen.tags], seen.faces, render)
    if json:
        echo_json(seen)
    else:
        _print(seen)
    if render is not None:
        say(f"drawn on {render}", err=json)


def _print(seen: Photo) -> None:
    say(seen.path)
    state = f"{seen.status}: {seen.error}" if seen.error else seen.status
    say(f"  {state}" + (f" by {seen.pack}" if seen.pack else ""))
    if seen.width is None:
        return
    facts = [f"{seen.width} x {seen.height} {seen.format}"]
    if seen.taken_at:
        facts.append(f"taken {seen.taken_at}{seen.taken_offset or ''}")
    if seen.camera:
        facts.append(seen.camera)
    if seen.latitude is not None and seen.longitude is not None:
        facts.append(f"at {seen.latitude:.5f}, {seen.longitude:.5f}")
    say("  " + ", ".join(facts))
    said = {each.tag for each in seen.corrections if each.present}
    for tag in seen.tags:
        by_hand = ", by hand" if tag.tag in said else ""
        say(f"  {tag.score:.2f}  {tag.tag}  ({tag.kind}{by_hand})")
    if denied := [each.tag for each in seen.corrections if not each.present]:
        say(f"  taken away by hand: {', '.join(denied)}")
    if seen.rating is not None:
        say(f"  rated {seen.rating}")
    if words := {each.keyword: None for each in seen.keywords}:
        say(f"  keywords: {', '.join(words)}")
    for companion in seen.companions:
        say(f"  with its video: {Path(companion).name}")
    for face in seen.faces:
        say(
            f"  {face.score:.2f}  a face at {face.x:.3f}, {face.y:.3f},"
            f" {face.width:.3f} x {face.height:.3f} of the picture"
        )
