"""The pictures in docs/pictures, made by what they show: `python -m tests.pictures`.

Needs the extra `plot`. The photos are scikit-image's, which are free to use. `architecture.svg` is
drawn by hand.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from PIL import Image, ImageOps
from rich.console import Console
from rich.text import Text

from scened.analysis.decode import decode
from scened.analysis.network import Network
from scened.analysis.render import render
from scened.config import Limits
from scened.models.pack import default_pack_folder, open_pack
from tests.photos import photo, write_photo

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
PERFORMANCE = Path(__file__).parents[1] / "docs" / "performance.md"
SCENED = Path(sys.executable).parent / "scened"
NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")
COLUMNS = 96
MISTAKES = ("brick.png", "grass.png", "gravel.png", "moon.png", "astronaut.png", "page.png")
MISTAKE_COLUMNS = 3
MISTAKE_SIDE = 320  # px
HOME = "/home/me"
IDLE_SECONDS = 120


class Shell:
    """A home of its own with a small library, and a record of what was typed and said."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.pictures = home / "Pictures"
        self.environment = {**os.environ, "HOME": str(home), "COLUMNS": str(COLUMNS)}
        for name in NAMES:
            path = self.pictures / "2024" / f"{Path(name).stem}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_photo(path, photo(name), quality=90)
            os.utime(path, (1_700_000_000, 1_700_000_000))

    def run(self, console: Console, line: str) -> None:
        """Run a command line in the library's folder, and print both it and what it says."""
        ran = subprocess.run(
            ["sh", "-c", f"PATH={SCENED.parent}:$PATH; {line}"],
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.pictures,
            check=True,
        )
        console.print(Text(f"$ {line}", style="bold"))
        console.print(Text((ran.stdout + ran.stderr).replace(str(self._home), HOME)))

    def daemon(self) -> subprocess.Popen[bytes]:
        """Start the daemon."""
        return subprocess.Popen(
            [SCENED, "run"], env=self.environment, stdout=subprocess.DEVNULL, stderr=-3
        )

    def wait_until_idle(self) -> None:
        """Return when the daemon has looked at everything."""
        deadline = time.monotonic() + IDLE_SECONDS
        while time.monotonic() < deadline:
            said = subprocess.run([SCENED, "status"], capture_output=True, env=self.environment)
            if said.stdout.startswith(b"idle"):
                return
            time.sleep(1)
        raise TimeoutError("the daemon does not come to rest")


def terminal_pictures() -> None:
    """Write what a terminal shows of a first run, and of a daemon's status."""
    with tempfile.TemporaryDirectory() as folder:
        shell = Shell(Path(folder))
        console = _recorder()
        shell.run(console, "scened run --once --jobs 2 ~/Pictures")
        shell.run(console, "scened search cat")
        shell.run(console, "scened show 2024/coffee.jpg")
        _save(console, "first-run", "scened")
        subprocess.run(
            [SCENED, "show", "2024/astronaut.jpg", "--render", Path(folder, "seen.png")],
            env=shell.environment,
            cwd=shell.pictures,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        with Image.open(Path(folder, "seen.png")) as seen:
            seen.convert("RGB").save(PICTURES / "render.jpg", quality=80)
        running = shell.daemon()
        try:
            shell.wait_until_idle()
            console = _recorder()
            shell.run(console, "scened status")
            _save(console, "status", "scened status")
        finally:
            running.terminate()
            running.wait()


def mistakes() -> None:
    """Write a sheet of pictures that the shipped pack gets wrong, with what it says of each."""
    network = Network(open_pack(default_pack_folder()))
    sheet = Image.new("RGB", (MISTAKE_COLUMNS * MISTAKE_SIDE, 2 * MISTAKE_SIDE))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "photo.jpg")
        for number, name in enumerate(MISTAKES):
            square = ImageOps.fit(photo(name), (MISTAKE_SIDE, MISTAKE_SIDE))
            write_photo(path, square, quality=90)
            seen = network.findings(decode(path))
            drawn = render(path, seen.tags, seen.faces, Limits())
            row, column = divmod(number, MISTAKE_COLUMNS)
            with Image.open(io.BytesIO(drawn)) as picture:
                sheet.paste(picture, (column * MISTAKE_SIDE, row * MISTAKE_SIDE))
    sheet.save(PICTURES / "mistakes.jpg", quality=80)


def plots() -> None:
    """Draw the tables of docs/performance.md."""
    mpl.rcParams.update({"svg.hashsalt": "scened", "svg.fonttype": "none", "font.size": 9})
    page = PERFORMANCE.read_text("utf-8")
    speed = _table(page, "way")
    figure = Figure(figsize=(7, 2.2), layout="constrained")
    _bars(figure, [(row[0].replace("`", ""), float(row[1])) for row in speed], "photos a second")
    _save_plot(figure, "speed")
    heic = _table(page, "HEIC photo")
    figure = Figure(figsize=(7, 2.0), layout="constrained")
    bars = [
        (f"{row[0]}, {way}", float(row[n]))
        for row in heic
        for n, way in ((1, "thumbnail"), (2, "whole"))
    ]
    _bars(figure, bars, "milliseconds for one decode, logarithmic", logarithmic=True)
    _save_plot(figure, "heic")


def _recorder() -> Console:
    return Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)


def _save(console: Console, name: str, title: str) -> None:
    picture = console.export_svg(title=title, unique_id=name)
    # a font from elsewhere would be fetched by whoever looks at it
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    (PICTURES / f"{name}.svg").write_text(picture.replace("Fira Code", "monospace"), "utf-8")


def _table(page: str, first_column: str) -> list[list[str]]:
    found = re.search(rf"^\| {first_column} \|.*\n\|[-|]+\n((?:\|.*\n)+)", page, re.MULTILINE)
    if found is None:
        raise ValueError(f"there is no table of {first_column!r} in {PERFORMANCE}")
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in found[1].splitlines()]


def _bars(
    figure: Figure, bars: list[tuple[str, float]], label: str, *, logarithmic: bool = False
) -> None:
    axes = figure.subplots()
    names, values = zip(*reversed(bars), strict=True)
    drawn = axes.barh(names, values, color="#4c78a8", log=logarithmic)
    axes.bar_label(drawn, padding=3)
    axes.set_xlabel(label)
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)


def _save_plot(figure: Figure, name: str) -> None:
    figure.savefig(PICTURES / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    terminal_pictures()
    mistakes()
    plots()
