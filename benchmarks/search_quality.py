"""How many of the first ten photos fit, for twenty everyday queries on photos with captions.

    python -m benchmarks.search_quality --sheets sheets

The library is made of the captioned photos that no pack learnt from. Where captions can tell, a
photo fits if one of its captions says so; they do not say all that is there, so this is the least.
A contact sheet for each query shows the same ten photos, to be judged by looking.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

import scened
from benchmarks.common import SCENED

FIRST = 10
COLUMNS, SIDE = 5, 224
# What is typed, and what a caption says of a photo that fits
QUERIES = {
    "dog": r"\b(dogs?|pupp(y|ies)|poodle|retriever|terrier|greyhounds?|collie)\b",
    "two dogs": r"\b(two|2|both|pair of)\b.*\b(dogs|puppies|greyhounds)\b|dogs (play|run|chas)",
    "dog in the snow": r"dogs?\b.*\bsnow|snow.*\bdogs?\b",
    "dog catching a frisbee": r"\b(dogs?|poodle)\b.*(frisbee|disc|disk)|(frisbee|disc).*\bdogs?\b",
    "beach": r"\b(beach|shore|seashore|sand|ocean)\b",
    "sunset": r"\b(sunset|sunrise|dusk|setting sun|sun (sets|sett|rises|is))",
    "waterfall": r"\bwaterfalls?\b",
    "child on a swing": r"\bswing(s|ing)?\b",
    "kids in a swimming pool": r"\bpool\b",
    "man riding a bicycle": r"\b(bikes?|bicycles?|bik(ing|er|ers)|cycl(ing|ist|ists))\b",
    "motorcycle race": r"\b(motorcycles?|motorbikes?|dirt ?bikes?|motorcyclists?|motocross)\b",
    "soccer game": r"\bsoccer\b",
    "football players": r"\b(football|ou player|sooners?|oklahoma)\b",
    "skateboarder jumping": r"\bskate(board|boarder|boarding|r|rs|boarders|boards|park)?\b",
    "surfer on a wave": r"\bsurf(er|ing|s|board|boarder|ers)?\b",
    "rock climbing": r"\b(climb(s|ing|er|ers)|rock (wall|face)|rappel)",
    "snowboarding": r"\b(snowboard(er|ing|s|ers)?)\b",
    "people in a restaurant": r"\b(restaurant|dinner|dining|tables?|bar|cafe|eat(s|ing)?)\b",
    "street musician": r"\b(guitars?|music(ian|ians)?|accordion|violin|drums?|instruments?)\b",
    "boat on a lake": r"\b(boats?|canoes?|kayaks?|kayak(er|ers|ing)|raft|sailboats?|ships?|paddl)",
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--captions", type=Path, default=Path("../shared/corpus/captions"))
    parser.add_argument("--library", type=Path, help="keep it there, and use it if it is there")
    parser.add_argument("--sheets", type=Path, help="write contact sheets into this folder")
    parser.add_argument("--by", choices=["tags", "meaning"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.library or Path(scratch)
        captions = _captions(arguments.captions)
        database = _library(folder, [arguments.captions / file for file in captions])
        captions = {Path(file).name: said for file, said in captions.items()}
        with scened.Library.open(database) as library:
            _judge(library, captions, arguments.by, arguments.sheets)


def _captions(corpus: Path) -> dict[str, list[str]]:
    """Return the captions of each validation photo, by its path in the corpus."""
    lines = (json.loads(line) for line in (corpus / "labels.jsonl").open())
    return {line["file"]: line["captions"] for line in lines if line["split"] == "val"}


def _library(folder: Path, photos: list[Path]) -> Path:
    database = folder / "library.sqlite"
    if not database.exists():
        (folder / "photos").mkdir(parents=True)
        for photo in photos:
            shutil.copy(photo, folder / "photos")
        command = [SCENED, "--db", database, "run", "--once", "--jobs", "2", folder / "photos"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return database


def _judge(
    library: scened.Library,
    captions: dict[str, list[str]],
    by: scened.By | None,
    sheets: Path | None,
) -> None:
    print("| query | said to fit | first ten that fit, by captions | found |")
    print("|---|---|---|---|")
    shares = []
    for query, saying in QUERIES.items():
        says = re.compile(saying)
        fitting = {
            name
            for name, said in captions.items()
            if any(says.search(each.lower()) for each in said)
        }
        found = [Path(photo.path) for photo in library.search(query, by=by).photos]
        first = found[:FIRST]
        fit = sum(path.name in fitting for path in first)
        shares.append(fit / min(FIRST, len(fitting)))
        print(f"| {query} | {len(fitting)} | {fit} | {len(found)} |")
        if sheets:
            _sheet(first).save(_made(sheets) / f"{query.replace(' ', '-')}.png")
    print(f"\nOf the ten, or as many as there are: {sum(shares) / len(shares):.0%}")


def _sheet(photos: list[Path]) -> Image.Image:
    rows = -(-FIRST // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIDE, rows * SIDE))
    for place, photo in enumerate(photos):
        with Image.open(photo) as picture:
            sheet.paste(
                picture.convert("RGB").resize((SIDE, SIDE)),
                (place % COLUMNS * SIDE, place // COLUMNS * SIDE),
            )
    return sheet


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    main()
