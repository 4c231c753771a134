"""The picture of `scened stats`; the one place that loads matplotlib."""

from __future__ import annotations

import os
from pathlib import Path

from scened.errors import CannotCreate
from scened.installation import install_extra
from scened.records import Stats
from scened.wording import file_size

__all__ = ["draw_stats"]

INCHES = (11.0, 7.0)
DOTS_PER_INCH = 110
BARS = 15


def draw_stats(stats: Stats, output: Path) -> None:
    """Write a PNG: photos a year, their tags, cameras and faces.

    Raises CannotCreate where matplotlib is not installed or the file cannot be written.
    """
    os.environ["MPLBACKEND"] = "Agg"  # draws without a screen
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise CannotCreate(
            "there is nothing to draw with", f"`{install_extra('plot')}` brings it"
        ) from error
    figure = Figure(figsize=INCHES, layout="constrained")
    figure.suptitle(f"{stats.photos:,} photos, {file_size(stats.file_bytes)}")
    charts = (
        ("photos a year", stats.years),
        ("tags", stats.tags[:BARS]),
        ("faces in a photo", stats.faces),
        ("cameras", stats.cameras[:BARS]),
    )
    for axes, (title, counts) in zip(figure.subplots(2, 2).flat, charts, strict=True):
        axes.set_title(title)
        axes.spines[["top", "right"]].set_visible(False)
        # a dollar sign would begin a formula
        names = [count.name.replace("$", r"\$") for count in counts]
        if title in ("tags", "cameras"):
            axes.barh(names[::-1], [count.photos for count in counts][::-1])
        else:
            axes.bar(names, [count.photos for count in counts])
            axes.tick_params("x", rotation=90 if len(names) > 8 else 0)
    try:
        figure.savefig(output, dpi=DOTS_PER_INCH, format="png")
    except OSError as error:
        raise CannotCreate(f"{output} cannot be written: {error.strerror or error}") from error
