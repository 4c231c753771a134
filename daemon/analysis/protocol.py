"""What daemon and analyzer say to each other: msgpack messages, each after its length."""

from __future__ import annotations

import contextlib
import struct
from importlib.metadata import PackageNotFoundError, version
from typing import BinaryIO, TypeVar

import msgspec

from scened import __version__
from scened.config import Limits
from scened.findings import Outcome, SidecarRead
from scened.formats import EXTRA_FORMATS, Support

__all__ = [
    "KEEP_PRIORITY",
    "Answer",
    "Done",
    "Identified",
    "Job",
    "Looked",
    "MovedOn",
    "PackRefused",
    "ReadBeside",
    "Ready",
    "SidecarJob",
    "Slice",
    "Started",
    "decoder_version",
    "receive",
    "send",
]

KEEP_PRIORITY = "keep"  # the analyzer's argument: do not step back
DECODERS = ("pillow", "pillow-heif", "pillow-jxl-plugin", "rawpy")
LENGTH = struct.Struct("<I")
LONGEST_MESSAGE = 16 * 1024 * 1024  # bytes; a longer one is not from our other half


class Job(msgspec.Struct, frozen=True):
    """A photo to look at.

    `size` (bytes) and `modified_ns` are what the daemon last saw of the file.
    """

    file_id: int
    path: bytes
    size: int
    modified_ns: int


class SidecarJob(msgspec.Struct, frozen=True):
    """A sidecar to read, of the photo with this id."""

    file_id: int
    path: bytes


class Slice(msgspec.Struct, frozen=True):
    """Some photos or sidecars, and the seconds after which no further one is begun.

    `known_hashes`: photos that turn out to have one of them are not decoded. `decode_ahead`: begin
    with a photo while the network still looks at the one before.
    """

    photos: tuple[Job, ...]
    budget_seconds: float
    decode_ahead: bool = False
    sidecars: tuple[SidecarJob, ...] = ()
    known_hashes: tuple[bytes, ...] = ()


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The analyzer has loaded its pack."""


class PackRefused(msgspec.Struct, frozen=True, tag="pack_refused"):
    """The pack cannot be used; the analyzer ends."""

    reason: str


class Started(msgspec.Struct, frozen=True, tag="started"):
    """The analyzer begins with a photo.

    Whatever happens until it is answered happens because of it, or of the one before, where
    that is not answered either.
    """

    file_id: int


class Identified(msgspec.Struct, frozen=True, tag="identified"):
    """A photo that was begun has this hash: if it is fatal, it is fatal under every name."""

    file_id: int
    hash: bytes


class Looked(msgspec.Struct, frozen=True, tag="looked"):
    """A photo's outcome, and where the seconds went."""

    outcome: Outcome
    hash_seconds: float = 0.0
    decode_seconds: float = 0.0
    network_seconds: float = 0.0


class MovedOn(msgspec.Struct, frozen=True, tag="moved_on"):
    """The file is no longer what the daemon saw: gone, or changed while it was read."""

    file_id: int


class ReadBeside(msgspec.Struct, frozen=True, tag="read_beside"):
    """What became of a sidecar."""

    read: SidecarRead


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The slice is over; photos without an answer were not begun."""


Answer = Ready | PackRefused | Started | Identified | Looked | MovedOn | ReadBeside | Done
Message = TypeVar("Message")


def decoder_version(limits: Limits) -> str:
    """Return what decodes here and within which limits: with another, a failure may be none."""
    versions = [f"scened {__version__}"]
    for library in DECODERS:
        with contextlib.suppress(PackageNotFoundError):
            versions.append(f"{library} {version(library)}")
    absent = [each for each in EXTRA_FORMATS if each.support is not Support.READABLE]
    versions += [f"no {each.family}" for each in absent]
    return f"{', '.join(versions)}; {msgspec.json.encode(limits).decode()}"


def send(stream: BinaryIO, message: msgspec.Struct) -> None:
    """Write one message."""
    body = msgspec.msgpack.encode(message)
    stream.write(LENGTH.pack(len(body)) + body)
    stream.flush()


def receive(stream: BinaryIO, decoder: msgspec.msgpack.Decoder[Message]) -> Message | None:
    """Read one message, or None when the other side has closed.

    Raises msgspec.MsgspecError, or ValueError for an absurd length, where what comes is no
    message.
    """
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    if length > LONGEST_MESSAGE:
        raise ValueError(f"a message of {length} bytes")
    body = stream.read(length)
    return decoder.decode(body) if len(body) == length else None
