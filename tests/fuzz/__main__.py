"""Fuzz one target, guided by coverage: `python -m tests.fuzz metadata --minutes 20`.

What was found before is kept in `.build/fuzz/TARGET` and gone on from; an input that broke
something is written beside it. Needs `pip install -e '.[fuzz]'`.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import atheris

WORK = Path(".build/fuzz")
MOST_BYTES = 16_384  # of one input
SLOWEST_SECONDS = 1_200  # by the clock on the wall, which runs on while a busy machine does not

with atheris.instrument_imports(include=["scened", "PIL", "tomllib", "tomlkit"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Run one target until the time is up or something breaks; libFuzzer prints what it did."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--minutes", type=float, default=20)
    arguments = parser.parse_args()
    target = TARGETS[arguments.target]
    corpus = WORK / arguments.target
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds:
        (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    options = [
        f"-max_total_time={arguments.minutes * 60:.0f}",
        f"-max_len={MOST_BYTES}",
        f"-timeout={SLOWEST_SECONDS}",
        f"-artifact_prefix={WORK}/{arguments.target}-broken-",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], target.take)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
