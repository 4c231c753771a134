"""How long the gallery's first page takes in a large library, and how smoothly it scrolls.

    python -m benchmarks.gallery --photos 100000

In the system's Chromium, without a window, on a synthetic library whose thumbnails were made
before. Beside it stands the same browser with a page that has nothing to do.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import skimage.data
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from benchmarks.synthetic import make
from scened.gallery.app import MADE_FROM, SIDES
from scened.gallery.cache import PictureCache
from scened.gallery.catalogue import Catalogue, Wanted

ROWS = 1_000
SLOW_STEPS, SLOW_SHARE = 600, 0.1  # frames, of a row
RUNS = 7
WIDTH, HEIGHT = 1280, 800
MOST_COLUMNS = 6
CACHE_BYTES = 10**10

# The time from which every picture on the screen is there
WATCH = """
requestAnimationFrame(function look() {
  const all = [...document.querySelectorAll('#grid img')].filter((each) => {
    const place = each.getBoundingClientRect();
    return place.top < innerHeight && place.bottom > 0;
  });
  if (all.length && all.every((each) => each.complete && each.naturalWidth)) {
    window.firstPage = performance.now();
  } else requestAnimationFrame(look);
});
"""
# So many frames, each by so much of a row; the milliseconds of each
SCROLL = """
([steps, share]) => new Promise((done) => {
  const row = document.querySelector('#grid li').offsetHeight + 4;
  const frames = [];
  let before = performance.now();
  requestAnimationFrame(function step(now) {
    frames.push(now - before);
    before = now;
    window.scrollBy(0, row * share);
    if (frames.length > steps) done(frames.slice(1));
    else requestAnimationFrame(step);
  });
})
"""
IDLE = """
() => new Promise((done) => {
  const frames = [];
  let before = performance.now();
  requestAnimationFrame(function step(now) {
    frames.push(now - before);
    before = now;
    if (frames.length > 300) done(frames.slice(1));
    else requestAnimationFrame(step);
  });
})
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=100_000)
    photos = parser.parse_args().photos
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "library.sqlite"
        make(database, photos)
        _fill_cache(database, Path(folder) / "cache" / "scened" / "gallery")
        gallery = subprocess.Popen(
            [Path(sys.executable).parent / "scened", "--db", database, "gallery", "--no-browser"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_CACHE_HOME": f"{folder}/cache"},
        )
        try:
            _measure(gallery.stdout.readline().strip() if gallery.stdout else "")
        finally:
            gallery.terminate()
            gallery.wait()


def _fill_cache(database: Path, folder: Path) -> None:
    """Keep a thumbnail of each photo that will be seen, as if it had been made."""
    picture = folder.parent / "coffee.jpg"
    folder.mkdir(parents=True)
    with Image.open(Path(skimage.data.__file__).parent / "coffee.png") as source:
        source.resize((320, 213)).save(picture, quality=82)
    jpeg = picture.read_bytes()
    cache = PictureCache(folder, CACHE_BYTES)
    catalogue = Catalogue(database, None)
    listing = json.loads(catalogue.listing(Wanted()))
    for photo_id in listing["ids"][: (ROWS + 50) * MOST_COLUMNS]:
        cache.put(jpeg, MADE_FROM, SIDES["thumbnail"], catalogue.source(photo_id))
    catalogue.close()


def _measure(link: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(600_000)
        page.add_init_script(WATCH)
        page.goto("about:blank")
        _print_frames("floor: an empty page", page.evaluate(IDLE))
        page.goto(link)
        page.wait_for_selector("#grid img.there")
        home = link.partition("/enter")[0] + "/"
        first = [_first_page(page, home) for _ in range(RUNS)]
        print(
            f"first page, every picture on it there: median {statistics.median(first):.0f} ms,"
            f" {min(first):.0f} to {max(first):.0f}"
        )
        slowly = page.evaluate(SCROLL, [SLOW_STEPS, SLOW_SHARE])
        _print_frames("scrolling slowly, pictures loading", slowly)
        _print_frames(f"scrolling {ROWS:,} rows, one a frame", page.evaluate(SCROLL, [ROWS, 1]))
        browser.close()


def _first_page(page: Page, home: str) -> float:
    page.goto(home)
    page.wait_for_selector("#grid img.there")
    while True:
        seen: Any = page.evaluate("window.firstPage")
        if seen:
            return float(seen)
        page.wait_for_timeout(10)


def _print_frames(name: str, frames: list[float]) -> None:
    ordered = sorted(frames)
    over = sum(frame > 50 for frame in frames)
    print(
        f"{name}: {len(frames)} frames, median {statistics.median(frames):.1f} ms,"
        f" p99 {ordered[int(0.99 * len(ordered))]:.1f}, longest {ordered[-1]:.1f},"
        f" {over} over 50 ms"
    )


if __name__ == "__main__":
    main()
