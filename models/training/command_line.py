"""What the stages of training have in common when they are run alone."""

from __future__ import annotations

import argparse
import hashlib
import logging
from pathlib import Path

__all__ = ["data_and_work", "sha256_of", "work_and_leg"]


def data_and_work(description: str | None) -> tuple[Path, Path]:
    """Return the folders of `--data` and `--work`, and have progress shown."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, default=Path("../shared"))
    parser.add_argument("--work", type=Path, default=Path("training-work"))
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return options.data, options.work


def work_and_leg(description: str | None) -> tuple[Path, Path]:
    """Return the folders of `--work` and of `--leg` in it, and have progress shown.

    torch gets as many threads as `--threads` says.
    """
    import torch  # some stages do without

    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--work", type=Path, default=Path("training-work"))
    parser.add_argument("--leg", required=True)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    return options.work, options.work / options.leg


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
