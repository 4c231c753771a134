"""Sidecars of others: what we add, what we take back, and all that must stay as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from PIL import Image

from scened.analysis.merging import merge, stored
from scened.analysis.xmp import clean_keyword, labelling, parse_xmp
from scened.errors import UnreadableSidecar
from scened.findings import Face
from scened.records import Caption
from tests.photos import write_turned

FACE = Face(0.1, 0.2, 0.3, 0.4, 0.99)
NOTHING = Caption(600, 400, (), (), ())
DOG = Caption(600, 400, ("animal", "dog"), ("animal|dog",), (FACE,))

DARKTABLE = """<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:darktable="http://darktable.sf.net/"
   xmp:Rating="4"
   darktable:xmp_version="5">
   <!-- developed twice -->
   {subject}
   <darktable:history>
    <rdf:Seq><rdf:li darktable:num="0" darktable:params="gz08&lt;"/></rdf:Seq>
   </darktable:history>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""
SUBJECT = "<dc:subject><rdf:{kind}>{items}</rdf:{kind}></dc:subject>"
REGIONS = """
<mwg-rs:Regions xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
  xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#" rdf:parseType="Resource">
 <mwg-rs:RegionList><rdf:Bag><rdf:li>
  <rdf:Description mwg-rs:Name="Ada" mwg-rs:Type="Face">
   <mwg-rs:Area stArea:x="{x}" stArea:y="{y}" stArea:w="0.3" stArea:h="0.4"/>
  </rdf:Description>
 </rdf:li></rdf:Bag></mwg-rs:RegionList>
</mwg-rs:Regions>
"""


def theirs(*keywords: str, kind: str = "Bag", more: str = "") -> bytes:
    """Return a sidecar as darktable writes it."""
    items = "".join(f"<rdf:li>{keyword}</rdf:li>" for keyword in keywords)
    subject = SUBJECT.format(kind=kind, items=items) if keywords else ""
    return DARKTABLE.format(subject=subject + more).encode()


def texts(data: bytes, prefixed: str) -> list[str]:
    prefix, name = prefixed.split(":")
    namespaces = {
        "dc": "http://purl.org/dc/elements/1.1/",
        "lr": "http://ns.adobe.com/lightroom/1.0/",
        "mwg": "http://www.metadataworkinggroup.com/schemas/regions/",
        "scened": "urn:scened:xmp:1.0:",
    }
    found = etree.fromstring(data).iter(f"{{{namespaces[prefix]}}}{name}")
    return ["".join(item.itertext()).strip() for each in found for item in each.iter("{*}li")]


def canonical(data: bytes) -> bytes:
    """Return XML so that only white space between elements and spelling are not compared."""
    root = etree.fromstring(data, etree.XMLParser(remove_blank_text=True))
    return etree.tostring(root, method="c14n2", strip_text=True)


def merged(before: bytes | None, caption: Caption, orientation: int = 1) -> bytes:
    answer = merge(before, caption, orientation)
    assert answer is not None
    return answer.data


def test_a_new_sidecar_says_all_of_it() -> None:
    data = merged(None, DOG)
    assert texts(data, "dc:subject") == ["animal", "dog"]
    assert texts(data, "lr:hierarchicalSubject") == ["animal|dog"]
    assert b'stArea:x="0.250000" stArea:y="0.400000"' in data


def test_what_is_there_already_changes_nothing() -> None:
    assert merge(merged(None, DOG), DOG, 1) is None


def test_keywords_of_others_stay_and_are_not_ours() -> None:
    data = merged(theirs("Dog", "grandma"), DOG)
    assert texts(data, "dc:subject") == ["Dog", "grandma", "animal"]
    assert texts(data, "scened:subject") == ["animal"]


def test_a_later_export_takes_back_only_what_was_ours() -> None:
    data = merged(merged(theirs("dog", "grandma"), DOG), Caption(600, 400, ("cat",), ("cat",), ()))
    assert texts(data, "dc:subject") == ["dog", "grandma", "cat"]


def test_a_list_stays_the_kind_of_list_it_was() -> None:
    assert b"<dc:subject><rdf:Seq>" in merged(theirs("x", kind="Seq"), DOG)


def test_a_region_that_somebody_named_stands_for_our_face() -> None:
    data = merged(theirs(more=REGIONS.format(x=0.25, y=0.4)), DOG)
    assert b"Ada" in data
    assert len(texts(data, "mwg:RegionList")) == 1


def test_a_face_that_others_have_not_is_added_to_theirs() -> None:
    data = merged(theirs(more=REGIONS.format(x=0.75, y=0.75)), DOG)
    assert len(texts(data, "mwg:RegionList")) == 2


def test_a_region_of_ours_that_was_named_is_somebodys_now() -> None:
    named = merged(None, DOG).replace(
        b"<mwg-rs:Type>", b"<mwg-rs:Name>Ada</mwg-rs:Name><mwg-rs:Type>"
    )
    assert b"Ada" in merged(named, NOTHING)


@pytest.mark.parametrize("number", ["nan", "inf", "", "1e999", "x"])
def test_a_region_that_makes_no_sense_is_left_where_it_is(number: str) -> None:
    data = merged(theirs(more=REGIONS.format(x=number, y=0.4)), DOG)
    assert len(texts(data, "mwg:RegionList")) == 2


def test_regions_are_those_of_the_stored_picture() -> None:
    assert b'stDim:w="400" stDim:h="600"' in merged(None, DOG, 6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_face_lies_where_the_stored_picture_shows_it(orientation: int, tmp_path: Path) -> None:
    upright = Image.new("RGB", (60, 40))
    upright.paste((255, 255, 255), (6, 8, 24, 24))  # where FACE is
    path = write_turned(tmp_path / "turned.png", orientation, upright)
    with Image.open(path) as picture:
        box = picture.getbbox()
        width, height = picture.size
    there = stored(FACE, orientation)
    edges = (there.x, there.y, there.x + there.width, there.y + there.height)
    assert box == tuple(
        round(edge * side) for edge, side in zip(edges, (width, height) * 2, strict=True)
    )


words = st.lists(
    st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8).map(
        lambda word: word.replace("&", "and").replace("<", "less").replace(">", "more")
    ),
    unique_by=str.casefold,
    max_size=5,
).map(tuple)


@settings(max_examples=60)
@given(kept=words, first=words, second=words, kind=st.sampled_from(["Bag", "Seq"]))
@pytest.mark.promise(
    "text: any words in XMP",
    "stay well-formed text, what others wrote survives",
)
def test_whatever_we_write_and_take_back_the_rest_survives(
    kept: tuple[str, ...], first: tuple[str, ...], second: tuple[str, ...], kind: str
) -> None:
    before = theirs(*kept, kind=kind)
    data = before
    for ours in (first, second):
        answer = merge(data, Caption(600, 400, ours, ours, (FACE,)), 1)
        data = answer.data if answer else data
        assert texts(data, "dc:subject")[: len(kept)] == list(kept)
    answer = merge(data, NOTHING, 1)
    assert canonical(answer.data if answer else data) == canonical(before)


def test_our_own_keywords_are_not_read_as_those_of_others() -> None:
    said = labelling(merged(theirs("grandma"), DOG))
    assert (said.keywords, said.rating) == (("grandma",), 4)


@pytest.mark.parametrize(
    ("written", "read"),
    [("-1", -1), ("0", 0), ("5", 5), ("3.0", 3), ("6", None), ("nan", None), ("many", None)],
)
def test_a_rating_is_believed_where_it_makes_sense(written: str, read: int | None) -> None:
    data = theirs().replace(b'Rating="4"', f'Rating="{written}"'.encode())
    assert labelling(data).rating == read


def test_each_level_of_a_hierarchical_keyword_is_one() -> None:
    more = (
        '<lr:hierarchicalSubject xmlns:lr="http://ns.adobe.com/lightroom/1.0/">'
        "<rdf:Bag><rdf:li>Places|Italy|Rome</rdf:li></rdf:Bag></lr:hierarchicalSubject>"
    )
    assert labelling(theirs("Rome", more=more)).keywords == ("Rome", "Places", "Italy")


@pytest.mark.promise(
    "text: escape sequences in keywords",
    "taken as spaces",
)
def test_escapes_and_lines_in_a_keyword_become_spaces() -> None:
    said = labelling(theirs("a&#xA;b\u202ec", "&lt;script&gt;", "x" * 1000))
    assert said.keywords == ("a b c", "<script>", "x" * 200)


def test_a_keyword_is_one_line() -> None:
    assert clean_keyword("\x1b]0;owned\x07 dog\r\n") == "]0;owned dog"


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">%s]>
<x:xmpmeta xmlns:x="adobe:ns:meta/">&l9;</x:xmpmeta>""" % b"".join(
    b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10 if n else b"&a;") for n in range(10)
)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is no XML"),
        (b"hello", "is no XML"),
        (b"<a><b></a>", "is no XML"),
        (b"<a/>", "no XMP"),
        (theirs("dog")[:-20], "is no XML"),
        (LAUGHS, "document type"),
        (LAUGHS.decode().encode("utf-16"), "document type"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "document type"),
        (b"<a>" * 100_000, "is no XML"),
        (theirs("dog").replace(b"UTF-8", b"UTF-99"), "is no XML"),
        (b"\0" * 1000, "is no XML"),
    ],
)
def test_what_is_not_xmp_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableSidecar, match=reason):
        parse_xmp(data)


@pytest.mark.promise(
    "text: entities and document types in XMP",
    "refused, nothing is read or unfolded",
)
def test_nothing_outside_is_read() -> None:
    more = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>'
    assert b"root:" not in merged(theirs(more=more), DOG)
