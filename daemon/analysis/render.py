"""Draw what was found onto a copy of the photo."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from scened.analysis.decode import read_picture
from scened.analysis.opening import PhotoPath
from scened.config import Limits
from scened.findings import Face, TagScore

__all__ = ["render"]

LONG_SIDE = 1_280  # pixels
BEST_TAGS = 12
TEXT_SHARE = 1 / 40  # text height, of the picture's long side
SMALLEST_TEXT = 11  # pixels
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

INK = (255, 255, 255)
SHADE = (0, 0, 0)
SHADE_OPACITY = 160  # of 255, behind text


def render(
    path: PhotoPath,
    tags: Sequence[TagScore],
    faces: Sequence[Face],
    limits: Limits,
) -> bytes:
    """Return the photo, upright and at most 1,280 pixels long, with face boxes and its best tags.

    The result is a PNG. Raises what `read_picture` raises.
    """
    picture, _ = read_picture(path, LONG_SIDE, limits)
    font = ImageFont.load_default(_text_height(picture))
    for face in faces:
        _draw_face(picture, face, font)
    best = sorted(tags, key=lambda tag: -tag.score)[:BEST_TAGS]
    if best:
        lines = "\n".join(f"{tag.name} {tag.score:.0%}" for tag in best)
        _draw_text(picture, (0, 0), lines, font)
    png = io.BytesIO()
    picture.save(png, "PNG")
    return png.getvalue()


def _draw_face(picture: Image.Image, face: Face, font: Font) -> None:
    """Draw a light box within a dark one, to be seen on any background, and its score below."""
    draw = ImageDraw.Draw(picture)
    left, top = face.x * picture.width, face.y * picture.height
    right = max(left, left + face.width * picture.width - 1)
    bottom = max(top, top + face.height * picture.height - 1)
    line = max(1, max(picture.size) // 500)
    draw.rectangle((left - line, top - line, right + line, bottom + line), None, SHADE, 3 * line)
    draw.rectangle((left, top, right, bottom), None, INK, line)
    label = f"{face.score:.0%}"
    if right - left > draw.textlength(label, font):  # in a group, labels would hide other faces
        _draw_text(picture, (left, bottom + 2 * line), label, font)


def _draw_text(picture: Image.Image, place: tuple[float, float], text: str, font: Font) -> None:
    """Write light text on a darkened patch, moved inside the picture where it fits."""
    draw = ImageDraw.Draw(picture)
    margin = _text_height(picture) / 4
    _, _, text_width, text_height = draw.multiline_textbbox((0, 0), text, font)
    width, height = text_width + 2 * margin, text_height + 2 * margin
    left = round(max(0.0, min(place[0], picture.width - width)))
    top = round(max(0.0, min(place[1], picture.height - height)))
    shade = Image.new("RGB", (round(width), round(height)), SHADE)
    picture.paste(shade, (left, top), Image.new("L", shade.size, SHADE_OPACITY))
    draw.multiline_text((left + margin, top + margin), text, INK, font)


def _text_height(picture: Image.Image) -> int:
    return max(SMALLEST_TEXT, round(max(picture.size) * TEXT_SHARE))
