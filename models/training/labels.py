"""What is known of each photo of the corpus, in our tags; read from sources.toml."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from scened.models.training.vocabulary import BadVocabulary, Vocabulary

__all__ = ["SourceMap", "Truth", "load_source_map"]

SOURCES_FILE = Path(__file__).with_name("sources.toml")
AGREEMENT = 2  # captions of one photo that must say a word which people use loosely
IMAGENET_CLASSES = 1000
DENIALS = frozenset({"no", "not", "without"})
DETERMINERS = frozenset({"a", "an", "any", "the", "his", "her", "its", "their"})

Tags = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """Tags known to be in a photo and tags known not to be; of all others nothing is known.

    `present` holds the ancestors of each of its tags, `absent` the descendants; they are disjoint.
    """

    present: frozenset[str]
    absent: frozenset[str]


class Sign(NamedTuple):
    """What a phrase in a caption says for a tag: how many captions of a photo must agree on it."""

    tag: str
    needed: int


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A section of sources.toml; its head says what the fields mean."""

    classes: dict[str, Tags]
    complete: bool = False
    free_words: bool = False
    present: Tags = ()
    absent: Tags = ()
    unknown: Tags = ()
    overlaps: tuple[Tags, ...] = ()


class Captions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The section of sources.toml on captions."""

    mentioned: dict[str, Tags]
    agreed: dict[str, Tags]
    nothing: Tags = ()
    doubted: dict[str, Tags] = {}
    absent: Tags = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    captions: Captions
    sources: dict[str, Source]


class SourceMap:
    """The map from each source's class names and words to tags."""

    def __init__(
        self, vocabulary: Vocabulary, sources: Mapping[str, Source], captions: Captions
    ) -> None:
        """Raise BadVocabulary when the map names a tag that is not in the vocabulary."""
        self._vocabulary = vocabulary
        self.sources = sources
        self.captions = captions
        for tag in sorted(self._named_tags()):
            vocabulary.index(tag)
        self._phrases: dict[Tags, set[Sign]] = {words: set() for words in _forms(captions.nothing)}
        for table, needed in ((captions.mentioned, 1), (captions.agreed, AGREEMENT)):
            for tag, phrases in table.items():
                for words in _forms(phrases):
                    self._phrases.setdefault(words, set()).add(Sign(tag, needed))
        self._longest = max(map(len, self._phrases), default=0)

    def truth(self, record: Mapping[str, Any]) -> Truth:
        """Return what is known of a photo from its line in a `labels.jsonl`.

        Raises BadVocabulary when its source or one of its classes is not mapped.
        """
        if "captions" in record:
            present = self._from_captions(record["captions"])
            return self._closed(present, self.captions.absent, possible=())
        source = self.sources.get(record["source"])
        if source is None:
            raise BadVocabulary(f"sources.toml has no section for {record['source']!r}")
        names = record.get("classes") or record.get("coco_names") or record.get("tags") or ()
        classes = [self._tags_of(source, name) for name in names]
        present = {*source.present, *(tag for tags in classes for tag in tags)}
        absent = set(source.absent)
        if source.complete and (any(classes) or not classes):
            for name in record.get("vocabulary", source.classes):
                absent.update(source.classes[name])
        possible = set(source.unknown)
        for group in source.overlaps:
            if not present.isdisjoint(group):
                possible.update(group)
        return self._closed(present, absent, possible)

    def imagenet_tags(self) -> tuple[Tags, ...]:
        """Return the tags, with their ancestors, of the 1,000 classes in the order of their ids."""
        classes = self.sources["imagenet"].classes
        if len(classes) != IMAGENET_CLASSES:
            raise BadVocabulary(f"ImageNet has {IMAGENET_CLASSES} classes, not {len(classes)}")
        return tuple(tuple(sorted(self._upwards(classes[wnid]))) for wnid in sorted(classes))

    def reachable(self) -> frozenset[str]:
        """Return the tags, with their ancestors, that some class or caption can give."""
        captions = (*self.captions.mentioned, *self.captions.agreed)
        named = {tag for source in self.sources.values() for tag in _given(source)}
        return self._upwards({*captions, *named})

    def _named_tags(self) -> set[str]:
        named = {*self.captions.mentioned, *self.captions.agreed, *self.captions.absent}
        for tag, others in self.captions.doubted.items():
            named.update((tag, *others))
        for source in self.sources.values():
            named.update(_given(source), source.absent, source.unknown, *source.overlaps)
        return named

    def _tags_of(self, source: Source, name: str) -> Tags:
        if source.free_words:
            return source.classes.get(name.lower(), ())
        try:
            return source.classes[name]
        except KeyError:
            raise BadVocabulary(f"sources.toml does not map the class {name!r}") from None

    def _from_captions(self, captions: Sequence[str]) -> set[str]:
        counts = Counter(sign for caption in captions for sign in self._signs(_words(caption)))
        found = {sign.tag for sign, count in counts.items() if count >= sign.needed}
        doubted = self.captions.doubted
        return {tag for tag in found if found.isdisjoint(doubted.get(tag, ()))}

    def _signs(self, words: Sequence[str]) -> set[Sign]:
        """Return what a caption says: the longest phrase counts, its parts do not."""
        found: set[Sign] = set()
        start = 0
        while start < len(words):
            for length in range(self._longest, 0, -1):
                signs = self._phrases.get(tuple(words[start : start + length]))
                if signs is not None:
                    if not _denied(words[:start]):
                        found |= signs
                    start += length
                    break
            else:
                start += 1
        return found

    def _closed(self, present: set[str], absent: Iterable[str], possible: Iterable[str]) -> Truth:
        """Return a truth without contradictions: what is present, or may be, is not absent."""
        may_be = self._downwards({*present, *possible}) | self._upwards({*present, *possible})
        return Truth(self._upwards(present), self._downwards(set(absent) - may_be))

    def _upwards(self, tags: Iterable[str]) -> frozenset[str]:
        return frozenset(each for tag in tags for each in (tag, *self._vocabulary.ancestors(tag)))

    def _downwards(self, tags: Iterable[str]) -> frozenset[str]:
        return frozenset(each for tag in tags for each in (tag, *self._vocabulary.descendants(tag)))


def load_source_map(vocabulary: Vocabulary, path: Path | None = None) -> SourceMap:
    """Read the map, from the file beside this module when none is named.

    Raises BadVocabulary when the file is damaged or names a tag that the vocabulary lacks.
    """
    path = path or SOURCES_FILE
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
        captions = sections.pop("captions", None)
        file = msgspec.convert({"captions": captions, "sources": sections}, _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadVocabulary(f"{path} cannot be read: {error}") from error
    return SourceMap(vocabulary, file.sources, file.captions)


def _given(source: Source) -> set[str]:
    return {*source.present, *(tag for tags in source.classes.values() for tag in tags)}


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", re.sub(r"'s?\b", "", text.lower()))


def _forms(phrases: Iterable[str]) -> Iterator[Tags]:
    """Yield each phrase, singular and plural, as a tuple of words."""
    for phrase in phrases:
        *start, last = _words(phrase)
        for form in (last, _plural(last)):
            yield (*start, form)


def _plural(word: str) -> str:
    if word.endswith(("s", "x", "ch", "sh")):
        return f"{word}es"
    if re.search(r"[^aeiou]y$", word):
        return f"{word[:-1]}ies"
    return f"{word}s"


def _denied(before: Sequence[str]) -> bool:
    """Tell whether the words before a phrase deny it, as in "without a shirt"."""
    if before and before[-1] in DETERMINERS:
        before = before[:-1]
    return bool(before) and before[-1] in DENIALS
