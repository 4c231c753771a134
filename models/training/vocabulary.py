"""The tags that a photo can be given, and which tag implies which; read from vocabulary.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from scened.errors import ExitCode, ScenedError
from scened.models.pack import Kind

__all__ = ["BadVocabulary", "Tag", "Vocabulary", "load_vocabulary"]

VOCABULARY_FILE = Path(__file__).with_name("vocabulary.toml")


class BadVocabulary(ScenedError):
    """The tags, or the map from a source's class names to them, contradict themselves."""

    exit_code = ExitCode.CONFIGURATION


@dataclass(frozen=True, slots=True)
class Tag:
    """A word by which a photo can be found; `synonyms` are other words for the same thing."""

    name: str
    kind: Kind
    parent: str | None
    synonyms: tuple[str, ...]


class Vocabulary:
    """The tags in order, every parent before its children."""

    def __init__(self, tags: Mapping[str, Tag]) -> None:
        """Order the tags; raise BadVocabulary when they do not form a forest of one kind each."""
        _check_words(tags)
        self._ancestors = {name: _ancestors(tags, name) for name in tags}
        # A stable sort by depth keeps the file's own order among tags of one depth.
        self.tags = tuple(sorted(tags.values(), key=lambda tag: len(self._ancestors[tag.name])))
        self.names = tuple(tag.name for tag in self.tags)
        self._index = {name: index for index, name in enumerate(self.names)}
        descendants: dict[str, set[str]] = {name: set() for name in tags}
        for name, ancestors in self._ancestors.items():
            for ancestor in ancestors:
                descendants[ancestor].add(name)
        self._descendants = {name: frozenset(below) for name, below in descendants.items()}

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __len__(self) -> int:
        return len(self.tags)

    def index(self, name: str) -> int:
        """Return the tag's place in `tags`; raise BadVocabulary when there is none of that name."""
        try:
            return self._index[name]
        except KeyError:
            raise BadVocabulary(f"there is no tag {name!r}") from None

    def ancestors(self, name: str) -> tuple[str, ...]:
        """Return the tags that this one implies, nearest first, without itself."""
        return self._ancestors[self.names[self.index(name)]]

    def descendants(self, name: str) -> frozenset[str]:
        """Return the tags that imply this one, without itself."""
        return self._descendants[self.names[self.index(name)]]


def load_vocabulary(path: Path | None = None) -> Vocabulary:
    """Read the vocabulary, from the file beside this module when none is named.

    Raises BadVocabulary when the file is not TOML, holds a kind or a field that is not known, or
    when its tags do not fit together.
    """
    path = path or VOCABULARY_FILE
    try:
        kinds = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise BadVocabulary(f"{path} is not TOML: {error}") from error
    tags: dict[str, Tag] = {}
    for kind, entries in kinds.items():
        if kind not in get_args(Kind):
            raise BadVocabulary(f"{path}: {kind!r} is no kind of tag")
        for name, fields in entries.items():
            if name in tags:
                raise BadVocabulary(f"the tag {name!r} is there twice")
            tags[name] = _tag(name, kind, fields)
    return Vocabulary(tags)


def _tag(name: str, kind: Any, fields: Mapping[str, Any]) -> Tag:
    unknown = set(fields) - {"parent", "synonyms"}
    if unknown:
        raise BadVocabulary(f"the tag {name!r} has no field {min(unknown)!r}")
    return Tag(name, kind, fields.get("parent"), tuple(fields.get("synonyms", ())))


def _check_words(tags: Mapping[str, Tag]) -> None:
    meaning = {name: name for name in tags}
    for tag in tags.values():
        for word in (tag.name, *tag.synonyms):
            if word != word.lower().strip() or not word:
                raise BadVocabulary(f"{word!r} of the tag {tag.name!r} is not plain lower case")
        for synonym in tag.synonyms:
            if synonym in meaning:
                raise BadVocabulary(
                    f"the synonym {synonym!r} of {tag.name!r} means {meaning[synonym]!r} already"
                )
            meaning[synonym] = tag.name


def _ancestors(tags: Mapping[str, Tag], name: str) -> tuple[str, ...]:
    found: list[str] = []
    tag = tags[name]
    while tag.parent is not None:
        parent = tags.get(tag.parent)
        if parent is None:
            raise BadVocabulary(f"the parent {tag.parent!r} of {tag.name!r} is no tag")
        if parent.kind != tag.kind:
            raise BadVocabulary(f"{tag.name!r} and its parent {parent.name!r} differ in kind")
        if parent.name == name or parent.name in found:
            raise BadVocabulary(f"{name!r} implies itself, by way of {tag.name!r}")
        found.append(parent.name)
        tag = parent
    return tuple(found)
