"""Files made to harm whoever opens them, each with what is to become of it.

Sources: OWASP Unrestricted File Upload (bombs, polyglots), CIPA DC-008 (EXIF), ISO 14496-12 (HEIC
and AVIF boxes), RFC 9649 (WebP), the BMP and GIF89a specifications.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, PngImagePlugin

from tests.photos import exif, photo

__all__ = ["HOSTILE", "NAMES", "Hostile", "write_hostile"]

HUGE_SIDE = 60_000  # pixels: 3.6 gigapixels are more than any limit
FITTING_SIDE = 11_000  # pixels: all but the most memory that a decode may take
EXIF_TAGS = 100_000
MOST_IN_DIRECTORY = 65_535  # entries, which are counted in 16 bits
SPARSE_BYTES = 10_000_000_000
METADATA_BYTES = 50_000_000  # unpacked
NESTED = 100_000  # elements in elements
SCANS = 1_000  # of one progressive JPEG, which has ten
FRAMES = 5_000
NASTY = "\x1b[31m'; DROP TABLE file; -- <script>alert(1)</script>\n"

ANALYSED, FAILED, UNSUPPORTED = "analysed", "failed", "unsupported"

# Bytes of a file's name, without the suffix
NAMES = (
    b"new\nline",
    b"\x1b[2J\x1b]0;owned\x07",
    b"not utf-8 \xff\xfe",
    b"'; DROP TABLE file; --",
    b"<img src=x onerror=alert(1)>",
    b"x" * 251,  # with its suffix as long as a name may be
    "\u202egpj.exe".encode(),
    b"-rf",
    b"%s%n{0}$(id)`id`",
)


class Hostile(NamedTuple):
    """A name with its suffix, what is in it, and the statuses that answer it rightly."""

    name: bytes
    content: Callable[[], bytes]
    ends: tuple[str, ...]


def write_hostile(folder: Path) -> dict[bytes, tuple[str, ...]]:
    """Write all of them, and the sparse file; return for each path the statuses that are right."""
    made = {}
    for each in HOSTILE:
        path = bytes(folder) + b"/" + each.name
        with open(path, "wb") as file:  # noqa: PTH123 - not text
            file.write(each.content())
        made[path] = each.ends
    sparse = folder / "sparse.jpg"
    with sparse.open("wb") as file:
        file.truncate(SPARSE_BYTES)
    return {**made, bytes(sparse): (FAILED,)}


def saved(kind: str, size: tuple[int, int] = (96, 64), **options: object) -> bytes:
    """Return a small photo in a format."""
    buffer = io.BytesIO()
    photo(size=size).save(buffer, kind, **options)
    return buffer.getvalue()


def png_chunk(name: bytes, data: bytes) -> bytes:
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(side: int, rows: int) -> bytes:
    """Return a black PNG that claims to be a square, and so many rows of it."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    packer = zlib.compressobj(1)
    packed = [packer.compress(bytes(1 + 3 * side)) for _ in range(rows)]
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"".join([*packed, packer.flush()]))
    return b"\x89PNG\r\n\x1a\n" + body + png_chunk(b"IEND", b"")


def png_with_text(text: bytes) -> bytes:
    """Return a photo with compressed text that unpacks to so many bytes."""
    whole = saved("PNG")
    packed = b"Comment\0\0" + zlib.compress(text)
    return whole[:33] + png_chunk(b"zTXt", packed) + whole[33:]


def png_with_profile() -> bytes:
    whole = saved("PNG")
    packed = b"icc\0\0" + zlib.compress(bytes(METADATA_BYTES))
    return whole[:33] + png_chunk(b"iCCP", packed) + whole[33:]


def enlarged_boxes(kind: str) -> bytes:
    """Return a HEIC or AVIF whose `ispe` boxes claim a huge picture."""
    data = bytearray(saved(kind))
    at = data.find(b"ispe")
    while at >= 0:
        data[at + 8 : at + 16] = struct.pack(">II", HUGE_SIDE, HUGE_SIDE)
        at = data.find(b"ispe", at + 4)
    return bytes(data)


def enlarged_webp() -> bytes:
    """Return a lossless WebP that claims the largest size there is, 16,384 pixels a side."""
    data = bytearray(saved("WEBP", lossless=True))
    at = data.index(b"VP8L") + 9
    (bits,) = struct.unpack_from("<I", data, at)
    struct.pack_into("<I", data, at, (bits & ~0x0FFF_FFFF) | 0x0FFF_FFFF)
    return bytes(data)


def enlarged_jpeg() -> bytes:
    data = bytearray(saved("JPEG", progressive=True))
    at = data.index(b"\xff\xc2") + 5  # start of frame, progressive
    struct.pack_into(">HH", data, at, HUGE_SIDE, HUGE_SIDE)
    return bytes(data)


def many_scans() -> bytes:
    """Return a progressive JPEG that repeats its last scan, over all of its pixels."""
    buffer = io.BytesIO()
    Image.new("RGB", (4000, 3000), "olive").save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * SCANS + b"\xff\xd9"


def enlarged_bmp() -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, HUGE_SIDE, HUGE_SIDE, 1, 8, 1, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header + b"\xff\0" * 100


def enlarged_gif() -> bytes:
    data = bytearray(saved("GIF"))
    struct.pack_into("<HH", data, 6, 65_535, 65_535)
    at = data.index(b"\x2c", 13 + 3 * 256)
    struct.pack_into("<HH", data, at + 5, 65_535, 65_535)
    return bytes(data)


def many_frames() -> bytes:
    data = saved("GIF", (64, 64))
    start = data.index(b"\x2c", 13 + 3 * 256)
    return data[:start] + data[start:-1] * FRAMES + b";"


def tiff(entries: list[tuple[int, int, int, int]], after: int = 0) -> bytes:
    """Return a TIFF of one directory: tag, kind, count and value of each entry."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + struct.pack("<I", after)


def enlarged_tiff() -> bytes:
    return tiff(
        [
            (256, 4, 1, HUGE_SIDE),
            (257, 4, 1, HUGE_SIDE),
            (258, 3, 1, 8),
            (259, 3, 1, 5),  # LZW
            (262, 3, 1, 1),
            (273, 4, 1, 8),
            (277, 3, 1, 1),
            (278, 4, 1, HUGE_SIDE),
            (279, 4, 1, 100),
        ]
    )


def endless_tiff() -> bytes:
    """Return a TIFF whose directory is followed by itself."""
    return tiff([(256, 4, 1, 96), (257, 4, 1, 64), (330, 4, 1, 8), (34665, 4, 1, 8)], after=8)


def many_tags() -> bytes:
    """Return EXIF data with a hundred thousand tags, in two directories."""
    inner = EXIF_TAGS - MOST_IN_DIRECTORY
    place = 8 + 2 + MOST_IN_DIRECTORY * 12 + 4
    main = [(0x8769, 4, 1, place)]
    main += [(number, 3, 1, number) for number in range(0x8770, 0x8770 + 30_000)]
    main += [(number % 0x8000, 3, 1, 1) for number in range(MOST_IN_DIRECTORY - len(main))]
    inside = b"".join(struct.pack("<HHII", number, 3, 1, 1) for number in range(inner))
    return b"Exif\0\0" + tiff(main) + struct.pack("<H", inner) + inside + bytes(4)


def with_xmp(packet: bytes) -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", packet.decode())
    return saved("PNG", pnginfo=text)


def deep_svg() -> bytes:
    return b'<svg xmlns="http://www.w3.org/2000/svg">' + b"<g>" * NESTED


def laughs() -> bytes:
    """Return entities that unfold to a billion words."""
    lines = ['<!ENTITY a0 "ha">']
    lines += [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)]
    return f"<!DOCTYPE x [{''.join(lines)}]><x>&a9;</x>".encode()


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("../../../etc/passwd", "x")
    return buffer.getvalue()


def html_in_jpeg() -> bytes:
    data = saved("JPEG")
    words = b"<html><script>alert(1)</script>-->"
    return data[:2] + b"\xff\xfe" + struct.pack(">H", len(words) + 2) + words + data[2:]


def nasty_exif() -> bytes:
    return saved("JPEG", exif=exif({0x010F: NASTY, 0x0110: NASTY, 0x010E: NASTY}))


def broken_iptc() -> bytes:
    """Return a photo with a keyword whose length makes no sense."""
    data = saved("JPEG")
    block = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x70\x1c\x02\x19" + bytes(0x70)
    return data[:2] + b"\xff\xed" + struct.pack(">H", len(block) + 2) + block + data[2:]


def _all() -> Iterator[Hostile]:
    either = (ANALYSED, FAILED)
    yield Hostile(b"bomb.png", lambda: png(HUGE_SIDE, 10), (FAILED,))
    yield Hostile(b"bomb that fits.png", lambda: png(FITTING_SIDE, FITTING_SIDE), either)
    yield Hostile(b"bomb text.png", lambda: png_with_text(bytes(METADATA_BYTES)), either)
    yield Hostile(b"bomb profile.png", png_with_profile, either)
    yield Hostile(b"bomb.gif", enlarged_gif, (FAILED,))
    yield Hostile(b"frames.gif", many_frames, (ANALYSED,))
    yield Hostile(b"bomb.tif", enlarged_tiff, (FAILED,))
    yield Hostile(b"endless.tif", endless_tiff, (FAILED,))
    yield Hostile(b"bomb.webp", enlarged_webp, (FAILED,))
    yield Hostile(b"bomb.avif", lambda: enlarged_boxes("AVIF"), (FAILED,))
    yield Hostile(b"bomb.heic", lambda: enlarged_boxes("HEIF"), (FAILED,))
    yield Hostile(b"bomb.bmp", enlarged_bmp, (FAILED,))
    yield Hostile(b"bomb.jpg", enlarged_jpeg, (FAILED,))
    yield Hostile(b"scans.jpg", many_scans, either)
    yield Hostile(b"tags.png", lambda: saved("PNG", exif=many_tags()), (ANALYSED,))
    yield Hostile(b"tags.webp", lambda: saved("WEBP", exif=many_tags()), (ANALYSED,))
    yield Hostile(b"tags.tif", lambda: many_tags()[6:], (FAILED,))
    yield Hostile(b"svg inside.png", lambda: with_xmp(deep_svg()), (ANALYSED,))
    yield Hostile(b"laughs inside.png", lambda: with_xmp(laughs()), (ANALYSED,))
    yield Hostile(b"keyword.jpg", broken_iptc, (ANALYSED,))
    yield Hostile(b"nasty.jpg", nasty_exif, (ANALYSED,))
    yield Hostile(b"svg.jpg", deep_svg, (FAILED,))
    yield Hostile(b"zip.jpg", archive, (FAILED,))
    yield Hostile(b"photo and zip.jpg", lambda: saved("JPEG") + archive(), (ANALYSED,))
    yield Hostile(b"photo and page.jpg", html_in_jpeg, (ANALYSED,))
    yield Hostile(b"photo and photo.jpg", lambda: saved("JPEG") + saved("PNG"), (ANALYSED,))
    yield Hostile(b"png called.jpg", lambda: saved("PNG"), (ANALYSED,))
    yield Hostile(b"program.png", lambda: b"\x7fELF" + bytes(1000), (FAILED,))
    yield Hostile(b"script.gif", lambda: b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)", either)
    yield Hostile(b"pdf.jpg", lambda: b"%PDF-1.7\n" + saved("JPEG"), (FAILED,))
    yield Hostile(b"empty.jpg", bytes, (FAILED,))
    yield Hostile(b"zeros.jpg", lambda: bytes(1_000_000), (FAILED,))
    for number, name in enumerate(NAMES):
        picture = lambda number=number: saved("JPEG", (96 + number, 64))  # noqa: E731
        yield Hostile(name + b".jpg", picture, (ANALYSED,))


HOSTILE = tuple(_all())
