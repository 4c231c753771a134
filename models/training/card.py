"""Write a pack's card: what it is, what it learnt from, how good it is, what it is bad at."""

from __future__ import annotations

from pathlib import Path

import msgspec

from scened.models.pack import open_pack
from scened.models.training.evaluate import Evaluation, markdown
from scened.models.training.packing import write_manifest
from scened.models.training.teacher import load_check, load_initial

__all__ = ["write_card"]

INTRODUCTION = """\
# {name}

{summary}

One backbone ({backbone}, {parameters:.1f} million parameters, int8) with three heads: {tags} tags,
faces, and an embedding of 256 numbers for likeness, which a text side (word-piece vectors and a
small layer) meets: so a sentence finds a photo. Input: one RGB picture of an allowed shape, as it
is. Outputs: `tags` (calibrated probabilities), `embedding` (unit length), `face_boxes` and
`face_scores` before suppression. Licence: {licence}.

The tag head adds two kinds of evidence: the initial network's own ImageNet classifier, summed
over each tag's classes, and a layer learnt from labelled photos. A tag with at least 20 known
examples has a threshold for a precision of 0.8 on train photos that the head had not seen; the
others take their parent's, or 0.5.

## Learnt from

| what | licence | use |
|---|---|---|
{sources}

The photos are not shipped, and no photo can be had back from the pack.

## Figures

"""
WEAKNESSES = """
## What it is bad at

- Fine tags are only as good as ImageNet and a few hundred photos a source make them. Many tags
  have fewer than 20 known examples, so their thresholds are a guess.
- Activities, clothes and words for people come from the captions of one collection of photos
  (Flickr8k: people and dogs outdoors). Captions name what is there and seldom what is not:
  scores of such tags say "somebody would mention it", and their precision is a lower estimate.
- Words for people (man, woman, child) are what captions said of them. They are guesses from looks
  and say nothing of who somebody is.
- Faces under about 12 px at a long side of 640 are mostly missed in one look; where several are
  likely, a closer look finds some of them. The faces it learnt from are mostly news photos, many
  with masks; profiles and heads seen from behind are rare.
- Food, documents, screens, night and weather were learnt from a few dozen to a few hundred photos
  of single sources, and check out on those same sources' held-out photos: expect less elsewhere.
- The text side is a bag of words: "dog bites man" and "man bites dog" are the same to it. It
  learnt sentences from one collection of photos; other words mean what a language model's word
  vectors make of them. English only.
- Surfaces filling a picture, and what is no everyday photo, get tags of what they resemble. Where
  nothing reaches its threshold, the likeliest tag is given with its low score.

![six pictures with what is said of each](../../../docs/pictures/mistakes.jpg)

Wrong in these: bricks and gravel, grass and the moon are not recognised; an astronaut's portrait
is of a woman; a few lines of a page are taken for something else, where a whole page is a document.
The pictures are scikit-image's.
"""


def write_card(pack: Path, work: Path, record: Path) -> None:
    """Write `pack`/CARD.md from the last evaluation, and the manifest again with its digest."""
    manifest = open_pack(pack).manifest
    backbone = load_check(work).backbone
    evaluation = msgspec.json.decode((work / "evaluation.json").read_bytes(), type=Evaluation)
    table = markdown(evaluation).split("\n", 2)[2]
    rows = [f"| {source.name} | {source.licence} | {source.use} |" for source in manifest.sources]
    text = INTRODUCTION.format(
        name=f"{manifest.name} {manifest.version}",
        summary=manifest.summary,
        tags=len(manifest.labels),
        backbone=backbone,
        parameters=sum(weight.numel() for weight in load_initial(work).parameters()) / 1e6,
        licence=manifest.licence,
        sources="\n".join(rows),
    )
    (pack / "CARD.md").write_text(text + table.lstrip() + WEAKNESSES)
    write_manifest(work, pack, manifest.labels, manifest.faces, record)
