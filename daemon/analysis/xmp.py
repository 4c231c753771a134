"""Read XMP that nobody vouches for: its keywords and rating, apart from those scened wrote.

Sources: ISO 16684-1 (XMP, part 1), MWG Guidelines for Handling Image Metadata 2.0. Only confined
processes do this.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator

from lxml import etree

from scened.errors import UnreadableSidecar
from scened.findings import Labelling

__all__ = [
    "MOST_KEYWORDS",
    "NAMESPACES",
    "Element",
    "bag",
    "clean_keyword",
    "labelling",
    "name",
    "parse_xmp",
    "properties",
]

Element = etree._Element

MOST_KEYWORDS = 1_000
MOST_CHARACTERS = 200  # of a keyword
REJECTED, BEST_RATING = -1, 5

NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "x": "adobe:ns:meta/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "scened": "urn:scened:xmp:1.0:",
}
# A document type is the only way to entities, and nothing that XMP may have
_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def name(prefixed: str) -> str:
    """Return a name as lxml spells it: 'dc:subject' -> '{http://purl.org/…}subject'."""
    prefix, _, local = prefixed.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def parse_xmp(data: bytes) -> etree._ElementTree:
    """Parse XMP that has an rdf:RDF element. Raises UnreadableSidecar with the reason."""
    if _DECLARATION.search(data.replace(b"\0", b"")):
        raise UnreadableSidecar("it declares a document type, which XMP has not")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_blank_text=False,
        strip_cdata=False,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableSidecar(f"it is no XML: {clean_keyword(str(error))}") from None
    if root.getroottree().docinfo.internalDTD is not None:  # in an encoding not looked through
        raise UnreadableSidecar("it declares a document type, which XMP has not")
    if root.tag != name("rdf:RDF") and root.find(f".//{name('rdf:RDF')}") is None:
        raise UnreadableSidecar("it is XML, but no XMP")
    return root.getroottree()


def properties(tree: etree._ElementTree, prefixed: str) -> list[Element]:
    """Return the elements of a property in the descriptions of the whole picture."""
    root = tree.getroot()
    rdf = root if root.tag == name("rdf:RDF") else root.find(f".//{name('rdf:RDF')}")
    found: list[Element] = (
        [] if rdf is None else rdf.findall(f"{name('rdf:Description')}/{name(prefixed)}")
    )
    return found


def bag(found: Element) -> list[Element]:
    """Return the items of a property that is a bag or a sequence."""
    return [
        item
        for kind in ("rdf:Bag", "rdf:Seq")
        for container in found.findall(name(kind))
        for item in container.findall(name("rdf:li"))
    ]


def labelling(data: bytes) -> Labelling:
    """Return the keywords and the rating that others wrote. Raises UnreadableSidecar.

    Of a hierarchical keyword (`Places|Rome`, `Places/Rome`) each level counts for one, unless it
    is one that scened wrote.
    """
    tree = parse_xmp(data)
    ours = set(_texts(tree, "scened:subject"))
    ours_in_levels = set(_texts(tree, "scened:hierarchicalSubject"))
    found = [text for text in _texts(tree, "dc:subject") if text not in ours]
    for prefixed, separator in (("lr:hierarchicalSubject", "|"), ("digiKam:TagsList", "/")):
        for path in _texts(tree, prefixed):
            if path not in ours_in_levels:
                found += [level for level in path.split(separator) if level not in ours]
    cleaned = dict.fromkeys(filter(None, map(clean_keyword, found)))
    return Labelling(tuple(cleaned)[:MOST_KEYWORDS], _rating(tree))


def clean_keyword(text: str) -> str:
    """Return text in one line, without control characters, cut short."""
    visible = "".join(
        " " if unicodedata.category(letter)[0] in "CZ" else letter
        for letter in text[: 4 * MOST_CHARACTERS]
    )
    return " ".join(visible.split())[:MOST_CHARACTERS].rstrip()


def _texts(tree: etree._ElementTree, prefixed: str) -> Iterator[str]:
    for found in properties(tree, prefixed):
        for item in bag(found):
            if item.text:
                yield item.text


def _rating(tree: etree._ElementTree) -> int | None:
    """Return xmp:Rating, which may be an element or an attribute: -1 rejected, 0 none, 1 to 5."""
    said = [found.text or "" for found in properties(tree, "xmp:Rating")]
    descriptions = tree.iter(name("rdf:Description"))
    said += [description.get(name("xmp:Rating"), "") for description in descriptions]
    for text in said:
        try:
            number = float(text)
        except ValueError:
            continue
        if math.isfinite(number) and REJECTED <= number <= BEST_RATING:
            return round(number)
    return None
