"""Write what scened knows of a photo into XMP that may hold the work of other programs.

Only confined processes do this. What was there stays: keywords, regions, and whatever else. What
is ours is listed in a namespace of our own (keywords) or carries a mark of it (regions, in
mwg-rs:Extensions), so that the next export can take it back.
Sources: ISO 16684-1 (XMP, part 1), MWG Guidelines for Handling Image Metadata 2.0, section 5.9.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lxml import etree

from scened.analysis.xmp import NAMESPACES, Element, bag, name, parse_xmp, properties
from scened.findings import Face
from scened.records import Caption, Merged

__all__ = ["merge", "stored"]

EMPTY = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="%s"/></x:xmpmeta>' % (
    NAMESPACES["rdf"].encode()
)
SAME_FACE = 0.4  # intersection over union from which a region of others stands for our face
DIGITS = 6
SIDES = ("x", "y", "width", "height")
UNSEEN = 1e-5  # a difference that comes of writing numbers with so many digits
_AS_STRUCTURE = {"parseType": "Resource"}

for _prefix, _namespace in NAMESPACES.items():  # for attributes, which lxml would number else
    etree.register_namespace(_prefix, _namespace)


def merge(before: bytes | None, caption: Caption, orientation: int) -> Merged | None:
    """Return the sidecar with what we know in place of what we knew, or None where it is the same.

    `orientation` is that of the photo's EXIF data: MWG regions are those of the stored picture,
    before it is turned. Raises UnreadableSidecar.
    """
    tree = parse_xmp(before if before is not None else EMPTY)
    subjects = _keywords(tree, "dc:subject", "scened:subject", caption.subjects)
    levels = _keywords(
        tree, "lr:hierarchicalSubject", "scened:hierarchicalSubject", caption.hierarchical
    )
    regions = _regions(tree, caption, orientation)
    if subjects is None and levels is None and regions is None:
        return None
    written: bytes = etree.tostring(
        tree,
        encoding="UTF-8",
        xml_declaration=before is None or before.lstrip(b"\xef\xbb\xbf").startswith(b"<?xml"),
    )
    end = b"\n" if before is None or before.endswith(b"\n") else b""
    added, removed = subjects or ((), ())
    return Merged(written + end, added, removed, regions or 0)


def stored(face: Face, orientation: int) -> Face:
    """Return a face of the upright picture where it lies in the picture as it is stored."""
    x, y, width, height = face.x, face.y, face.width, face.height
    right, below = 1 - x - width, 1 - y - height
    places = {
        2: (right, y),
        3: (right, below),
        4: (x, below),
        5: (y, x),
        6: (y, right),
        7: (below, right),
        8: (below, x),
    }
    left, top = places.get(orientation, (x, y))
    if orientation >= 5:
        width, height = height, width
    return Face(left, top, width, height, face.score)


def _keywords(
    tree: etree._ElementTree, prefixed: str, mark: str, wanted: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Bring one list of keywords up to date; return what came and what went, None for nothing."""
    items = [item for found in properties(tree, prefixed) for item in bag(found)]
    marks = properties(tree, mark)
    ours = {item.text for found in marks for item in bag(found)}
    theirs = {(item.text or "").casefold() for item in items if item.text not in ours}
    now_ours = [word for word in wanted if word.casefold() not in theirs]
    held = {item.text for item in items}
    if ours == set(now_ours) and ours <= held:
        return None
    gone = [item for item in items if item.text in ours and item.text not in now_ours]
    removed = tuple(item.text or "" for item in gone)
    for item in gone:
        _remove(item)
    added = tuple(word for word in now_ours if word not in held)
    for word in added:
        _append(_bag_of(tree, prefixed), word)
    if gone:
        _drop_if_empty(tree, prefixed)
    for found in marks:
        _remove(found)
    for word in now_ours:
        _append(_bag_of(tree, mark), word)
    return added, removed


def _regions(tree: etree._ElementTree, caption: Caption, orientation: int) -> int | None:
    """Bring our regions up to date; return how many there are now, None for no change."""
    lists = [
        found
        for regions in properties(tree, "mwg-rs:Regions")
        for found in regions.iter(name("mwg-rs:RegionList"))
    ]
    items = [item for found in lists for item in bag(found)]
    ours = [item for item in items if _is_ours(item)]
    theirs = [face for item in items if item not in ours and (face := _area(item)) is not None]
    faces = [stored(face, orientation) for face in caption.faces]
    wanted = [face for face in faces if all(_overlap(face, other) < SAME_FACE for other in theirs)]
    if len(ours) == len(wanted) and all(map(_is_at, ours, wanted)):
        return None
    for item in ours:
        _remove(item)
    if wanted:
        into = lists[0] if lists else _region_list(tree, caption, orientation)
        for face in wanted:
            _add_region(into, face)
    elif len(ours) == len(items):
        for regions in properties(tree, "mwg-rs:Regions"):
            _remove(regions)
    return len(wanted)


def _is_ours(item: Element) -> bool:
    """Tell whether we made a region; one that somebody has named is somebody's."""
    marked = next(item.iter(name("scened:score")), None) is not None
    named = [each.text for each in item.iter(name("mwg-rs:Name"))]
    named += [each.get(name("mwg-rs:Name")) for each in item.iter(name("rdf:Description"))]
    return marked and not any(named)


def _area(item: Element) -> Face | None:
    """Return where a region lies, from its centre; None for a point, or what makes no sense."""
    for area in item.iter(name("mwg-rs:Area")):
        for element in (area, *area.iter(name("rdf:Description"))):
            said = [
                element.get(name(f"stArea:{axis}")) or element.findtext(name(f"stArea:{axis}"))
                for axis in "xywh"
            ]
            try:
                x, y, width, height = (float(number or "") for number in said)
            except ValueError:
                continue
            if not all(map(math.isfinite, (x, y, width, height))):
                continue
            return Face(x - width / 2, y - height / 2, width, height, 0.0)
    return None


def _overlap(one: Face, other: Face) -> float:
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(0.0, width) * max(0.0, height)
    return shared / (one.width * one.height + other.width * other.height - shared or 1.0)


def _is_at(item: Element, face: Face) -> bool:
    area = _area(item)
    return area is not None and all(
        abs(getattr(area, side) - getattr(face, side)) < UNSEEN for side in SIDES
    )


def _region_list(tree: etree._ElementTree, caption: Caption, orientation: int) -> Element:
    found = properties(tree, "mwg-rs:Regions")
    if found:  # without a list
        into = found[0].find(name("rdf:Description"))
        into = found[0] if into is None else into
    else:
        into = _new(_description(tree), "mwg-rs:Regions", **_AS_STRUCTURE)
        size = (caption.width, caption.height)
        width, height = size[::-1] if orientation >= 5 else size
        dimensions = _new(into, "mwg-rs:AppliedToDimensions")
        for field, value in (("w", str(width)), ("h", str(height)), ("unit", "pixel")):
            dimensions.set(name(f"stDim:{field}"), value)
    return _new(into, "mwg-rs:RegionList")


def _add_region(into: Element, face: Face) -> None:
    container = into.find(name("rdf:Bag"))
    container = _new(into, "rdf:Bag") if container is None else container
    region = _new(container, "rdf:li", **_AS_STRUCTURE)
    area = _new(region, "mwg-rs:Area")
    for field, value in (
        ("x", face.x + face.width / 2),
        ("y", face.y + face.height / 2),
        ("w", face.width),
        ("h", face.height),
    ):
        area.set(name(f"stArea:{field}"), f"{value:.{DIGITS}f}")
    area.set(name("stArea:unit"), "normalized")
    _new(region, "mwg-rs:Type").text = "Face"
    extensions = _new(region, "mwg-rs:Extensions", **_AS_STRUCTURE)
    _new(extensions, "scened:score").text = f"{face.score:.2f}"


def _description(tree: etree._ElementTree) -> Element:
    root = tree.getroot()
    rdf = root if root.tag == name("rdf:RDF") else root.find(f".//{name('rdf:RDF')}")
    assert rdf is not None  # noqa: S101 - parse_xmp saw it
    found = rdf.find(name("rdf:Description"))
    if found is None:
        found = _new(rdf, "rdf:Description")
        found.set(name("rdf:about"), "")
    return found


def _bag_of(tree: etree._ElementTree, prefixed: str) -> Element:
    """Return the container of a list property, made where there is none."""
    found = properties(tree, prefixed)
    into = found[0] if found else _new(_description(tree), prefixed)
    for kind in ("rdf:Bag", "rdf:Seq"):
        container = into.find(name(kind))
        if container is not None:
            return container
    return _new(into, "rdf:Bag")


def _append(container: Element, word: str) -> None:
    _new(container, "rdf:li").text = word


def _new(parent: Element, prefixed: str, **attributes: str) -> Element:
    """Add an element at the end of another, on a line of its own where its neighbours have one."""
    prefix, _, local = prefixed.partition(":")
    element = etree.SubElement(
        parent, f"{{{NAMESPACES[prefix]}}}{local}", nsmap={prefix: NAMESPACES[prefix]}
    )
    for key, value in attributes.items():
        element.set(name(f"rdf:{key}"), value)
    depth = len(list(element.iterancestors()))
    before = element.getprevious()
    if before is None:
        parent.text = "\n" + " " * depth
        element.tail = "\n" + " " * (depth - 1)
    else:
        element.tail, before.tail = before.tail, parent.text or before.tail
    return element


def _remove(element: Element) -> None:
    """Take an element out, with the white space before it, and its parents' text kept."""
    parent = element.getparent()
    assert parent is not None  # noqa: S101 - never the root
    before = element.getprevious()
    if before is not None:
        before.tail = element.tail
    elif len(parent) == 1:
        parent.text = (parent.text or "").strip() or None
    parent.remove(element)


def _drop_if_empty(tree: etree._ElementTree, prefixed: str) -> None:
    for found in properties(tree, prefixed):
        if not bag(found) and not any(found.iter(name("rdf:li"))):
            _remove(found)
