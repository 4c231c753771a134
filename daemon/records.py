"""What readers get of a library: small frozen records, the same for programs, JSON and pages."""

from __future__ import annotations

import msgspec

from scened.findings import Face

__all__ = [
    "Caption",
    "Change",
    "Copy",
    "Correction",
    "Count",
    "Duplicates",
    "Found",
    "Keyword",
    "Merged",
    "Photo",
    "PhotoTag",
    "Results",
    "Stats",
    "TagCount",
    "UnknownWord",
]


class PhotoTag(msgspec.Struct, frozen=True):
    """A tag of a photo; `score` is its calibrated probability, 0..1."""

    tag: str
    score: float
    kind: str


class Keyword(msgspec.Struct, frozen=True):
    """A keyword that another program wrote; `source` is `file` or `sidecar`."""

    keyword: str
    source: str


class Correction(msgspec.Struct, frozen=True):
    """A tag that somebody said by hand a photo shows, or, where not `present`, does not."""

    tag: str
    present: bool


class Photo(msgspec.Struct, frozen=True):
    """Everything the contract says of one photo, but for its embedding."""

    id: int
    seq: int
    path: str
    root: str
    file_size: int
    modified_at: str | None
    taken_at: str | None
    taken_offset: str | None
    width: int | None
    height: int | None
    format: str | None
    camera: str | None
    latitude: float | None
    longitude: float | None
    content_hash: str | None
    stack_id: int | None
    status: str
    error: str | None
    analysed_at: str | None
    pack: str | None
    sharpness: float | None
    tags: tuple[PhotoTag, ...]
    faces: tuple[Face, ...]
    rating: int | None = None
    keywords: tuple[Keyword, ...] = ()
    corrections: tuple[Correction, ...] = ()
    companions: tuple[str, ...] = ()


class Found(msgspec.Struct, frozen=True):
    """A photo that was found, its five best tags, and how well it fits, 0..1.

    `tag_score`: how sure its tags, its name, camera or date are of the word they are least sure
    of. `likeness`: cosine between its embedding and that of the photos that were given; or that
    of the query, less what it is for the names of tags on average. `score` orders the list: one
    of the two, or where two lists were fused, their reciprocal ranks (1 is the first of both).
    """

    id: int
    path: str
    score: float
    tag_score: float | None
    likeness: float | None
    tags: tuple[str, ...]


class UnknownWord(msgspec.Struct, frozen=True):
    """A word that describes no photo of this library, and words of its tags written like it."""

    word: str
    similar: tuple[str, ...]


class Results(msgspec.Struct, frozen=True):
    """What a search gave, best first.

    `unknown_words` took no part in the search by tags. `without_meaning` says why the search
    went by tags alone, where meaning was asked for too.
    """

    photos: tuple[Found, ...]
    unknown_words: tuple[UnknownWord, ...] = ()
    without_meaning: str | None = None


class TagCount(msgspec.Struct, frozen=True):
    """A tag, the more general one above it, and how many photos carry it."""

    tag: str
    kind: str
    parent: str | None
    photos: int


class Copy(msgspec.Struct, frozen=True):
    """One of several photos that show the same; `date` is taken_at, or when it was written."""

    id: int
    path: str
    width: int
    height: int
    file_size: int
    date: str
    content_hash: str


class Duplicates(msgspec.Struct, frozen=True):
    """Photos that show the same: the best copy first, by resolution, then the oldest.

    `exact`: they are the same bytes.
    """

    exact: bool
    photos: tuple[Copy, ...]


class Count(msgspec.Struct, frozen=True):
    """How many photos share something: a year, a camera, a tag."""

    name: str
    photos: int


class Stats(msgspec.Struct, frozen=True):
    """What is in a library; `file_bytes` of all photos together.

    `years` (by taken_at) and `faces` (in a photo) come in order, the others most frequent first.
    """

    photos: int
    file_bytes: int
    statuses: tuple[Count, ...]
    years: tuple[Count, ...]
    formats: tuple[Count, ...]
    cameras: tuple[Count, ...]
    faces: tuple[Count, ...]
    tags: tuple[Count, ...]


class Change(msgspec.Struct, frozen=True):
    """Something happened to a photo; `status` and `path` are None where it was removed.

    `seq` is the cursor to go on from.
    """

    seq: int
    photo_id: int
    path: str | None
    status: str | None


class Caption(msgspec.Struct, frozen=True):
    """What a sidecar is to say of a photo of `width` times `height` pixels, upright.

    `subjects` are keywords, `hierarchical` the same with what is above them (`animal|dog`).
    """

    width: int
    height: int
    subjects: tuple[str, ...]
    hierarchical: tuple[str, ...]
    faces: tuple[Face, ...]


class Merged(msgspec.Struct, frozen=True):
    """A sidecar as it should be, and what is new in it: keywords added, taken back, our regions."""

    data: bytes
    added: tuple[str, ...]
    removed: tuple[str, ...]
    regions: int
