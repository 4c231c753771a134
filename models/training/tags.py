"""Tags as numbers: which outputs of the ImageNet classifier mean a tag, and what a photo shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch

from scened.models.pack import Label
from scened.models.training.backbone import CLASSES
from scened.models.training.corpus import Photo
from scened.models.training.labels import SourceMap, Truth, load_source_map
from scened.models.training.vocabulary import Vocabulary, load_vocabulary

__all__ = ["TagTruth", "load_tag_truth"]

FACE = "face"  # what is known of a photo that came with face boxes alone

Row = npt.NDArray[np.float32]


class TagTruth:
    """The vocabulary with what is known of each photo.

    `classes` is float [1001, T]: one where an output of the classifier (background first) means
    a tag.
    """

    def __init__(self, vocabulary: Vocabulary, sources: SourceMap) -> None:
        self.vocabulary = vocabulary
        self._map = sources
        self.sources = sources.sources
        self._faces = Truth(frozenset({FACE, *vocabulary.ancestors(FACE)}), frozenset())
        self.names = tuple(tag.name for tag in vocabulary.tags)
        self.classes = torch.zeros(CLASSES, len(self.names))
        for output, tags in enumerate(sources.imagenet_tags(), start=1):
            for tag in tags:
                self.classes[output, vocabulary.index(tag)] = 1.0

    def row(self, photo: Photo) -> tuple[Row, Row]:
        """Return the photo's tags and which of them are known, both float32 [T] of 0 and 1."""
        faces_alone = "faces" in photo.record
        truth = self._faces if faces_alone else self._map.truth(photo.record)
        value = np.zeros(len(self.names), np.float32)
        known = np.zeros(len(self.names), np.float32)
        known[[self.vocabulary.index(tag) for tag in truth.absent]] = 1.0
        present = [self.vocabulary.index(tag) for tag in truth.present]
        known[present] = value[present] = 1.0
        return value, known

    def detected(self, scores: Mapping[str, Row]) -> dict[int, Row]:
        """Return what a detector of COCO's classes says of our tags: place -> scores [photos].

        A tag is as likely as the likeliest of the classes that mean it or something below it.
        """
        found: dict[int, Row] = {}
        for name, mapped in self.sources["coco"].classes.items():
            for tag in mapped if name in scores else ():
                for above in (tag, *self.vocabulary.ancestors(tag)):
                    place = self.vocabulary.index(above)
                    found[place] = np.maximum(found.get(place, scores[name]), scores[name])
        return found

    def imagenet_leaves(self) -> list[int]:
        """Return the places of tags that an ImageNet class has and that no such tag is below."""
        named = {self.names[place] for place in np.flatnonzero(self.classes.any(dim=0).numpy())}
        leaves = [n for n in named if named.isdisjoint(self.vocabulary.descendants(n))]
        return sorted(self.vocabulary.index(name) for name in leaves)

    def parents(self) -> list[int | None]:
        """Return each tag's parent's place, or None."""
        return [
            None if tag.parent is None else self.vocabulary.index(tag.parent)
            for tag in self.vocabulary.tags
        ]

    def labels(self, thresholds: Sequence[float]) -> tuple[Label, ...]:
        """Return the manifest's labels, with a threshold for each."""
        return tuple(
            Label(
                name=tag.name,
                kind=tag.kind,
                parent=tag.parent,
                synonyms=tuple(tag.synonyms),
                threshold=round(float(threshold), 4),
            )
            for tag, threshold in zip(self.vocabulary.tags, thresholds, strict=True)
        )


def load_tag_truth() -> TagTruth:
    """Read the vocabulary and the map from the sources' class names to it."""
    vocabulary = load_vocabulary()
    return TagTruth(vocabulary, load_source_map(vocabulary))
