"""Give damaged copies of hostile files to the decoder, in the confined process that has it.

`python -m tests.fuzz.mutation --minutes 60` (`--data`: where the folder `hostile` lies). Each copy
has to end in a picture or in a refusal of ours; one that its decoder does not survive is kept in
`.build/fuzz`.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from scened.analysis.thumbnailing import Thumbnailer
from scened.config import Limits
from scened.errors import ScenedError
from scened.formats import format_of
from tests.photos import SHARED

WORK = Path(".build/fuzz")
MOST_BYTES = 4_000_000  # of a file to begin with; larger ones take the time of many
MOST_CHANGES = 4
REACHES_BYTES = (256, 4096, MOST_BYTES)
LONG_SIDE = 320
MEMORY_BYTES = 600_000_000  # so that several million files do not wear the machine out
SURVIVED_NOT = "did not survive"
LONGEST_BLOCK = 64
INTERESTING = (
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
)


def main() -> None:
    """Damage and decode until the time is up; end with 1 where a decoder did not survive."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--data", type=Path, default=SHARED)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)  # noqa: S311 - no secret hangs on it
    files = [path for path in (arguments.data / "hostile").rglob("*") if _is_food(path)]
    if not files:
        sys.exit(f"there are no pictures in {arguments.data / 'hostile'}")
    ends: Counter[str] = Counter()
    slowest, began = 0.0, time.monotonic()
    decoder = Thumbnailer(Limits(memory_bytes=MEMORY_BYTES, minimum_side=1))
    with tempfile.TemporaryDirectory() as scratch:
        while time.monotonic() - began < arguments.minutes * 60:
            source = chance.choice(files)
            data = damaged(source.read_bytes(), chance.choice(files), chance)
            victim = Path(scratch, "victim" + source.suffix)
            victim.write_bytes(data)
            started = time.monotonic()
            end = _end_of(decoder, victim)
            if end == SURVIVED_NOT:  # or a busy machine took too long: that happens once
                end = _end_of(decoder, victim)
            if end == SURVIVED_NOT:
                _keep(source, data)
            ends[end] += 1
            slowest = max(slowest, time.monotonic() - started)
    decoder.close()
    minutes = (time.monotonic() - began) / 60
    print(f"{minutes:.0f} minutes from {len(files)} files, seed {arguments.seed}: {dict(ends)}")
    print(f"slowest {slowest:.1f} s")
    sys.exit(1 if ends[SURVIVED_NOT] else 0)


def damaged(data: bytes, other: Path, chance: random.Random) -> bytes:
    """Return a copy with a few changes: bytes turned, put in, taken out, repeated, exchanged."""
    copy = bytearray(data)
    for _ in range(chance.randint(1, MOST_CHANGES)):
        # what decoders decide by stands mostly at the front
        at = chance.randrange(min(len(copy), chance.choice(REACHES_BYTES)) + 1)
        end = at + chance.randint(1, LONGEST_BLOCK)
        match chance.randrange(7):
            case 0:
                copy[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                copy[at:at] = chance.randbytes(end - at)
            case 2:
                del copy[at:end]
            case 3:
                copy[at:at] = copy[at:end] * chance.randint(1, 8)
            case 4:
                block = chance.choice(INTERESTING)
                copy[at : at + len(block)] = block
            case 5:
                foreign = other.read_bytes()
                start = chance.randrange(len(foreign) + 1)
                copy[at:end] = foreign[start : start + end - at]
            case _:
                if not chance.randrange(4):
                    del copy[at:]
    return bytes(copy)


def _end_of(decoder: Thumbnailer, victim: Path) -> str:
    try:
        decoder.jpeg(bytes(victim), LONG_SIDE)
    except ScenedError as refusal:
        return SURVIVED_NOT if SURVIVED_NOT in refusal.message else "refused"
    return "decoded"


def _is_food(path: Path) -> bool:
    return path.is_file() and 0 < path.stat().st_size <= MOST_BYTES and format_of(path) is not None


def _keep(source: Path, data: bytes) -> None:
    WORK.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(data).hexdigest()[:16]
    (WORK / f"mutation-broken-{name}{source.suffix}").write_bytes(data)


if __name__ == "__main__":
    main()
