"""Means of networks' weights, and ways between them."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
if find_spec("timm") is None:
    pytest.skip("training needs the extra `train`", allow_module_level=True)

from scened.models.training.network import FacePyramid  # noqa: E402
from scened.models.training.weights import mean_of, move  # noqa: E402


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_network_moves_towards_another_by_the_share_asked_for(share: float) -> None:
    network, other = (FacePyramid((8, 8, 8, 8)) for _ in range(2))
    before = [weight.clone() for weight in network.parameters()]
    move(network, other, share)
    for now, was, there in zip(network.parameters(), before, other.parameters(), strict=True):
        assert torch.allclose(now, was + share * (there - was), atol=1e-6)


def test_a_mean_lies_between_the_others_and_leaves_them_as_they_are() -> None:
    heads = [FacePyramid((8, 8, 8, 8)) for _ in range(3)]
    before = [[weight.clone() for weight in head.parameters()] for head in heads]
    mean = mean_of(heads)
    for kept, *each in zip(mean.parameters(), *before, strict=True):
        assert torch.allclose(kept, sum(each) / 3, atol=1e-6)
    for head, weights in zip(heads, before, strict=True):
        assert all(map(torch.equal, head.parameters(), weights))
