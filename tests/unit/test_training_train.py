"""What a leg of training starts from, and what the face head ends as."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
if find_spec("timm") is None:
    pytest.skip("training needs the extra `train`", allow_module_level=True)

from scened.models.training.backbone import Timm  # noqa: E402
from scened.models.training.face_head import mean_head  # noqa: E402
from scened.models.training.network import FacePyramid  # noqa: E402
from scened.models.training.train import go_back  # noqa: E402


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_what_was_learnt_is_given_up_by_the_share_asked_for(share: float) -> None:
    first, learnt = Timm("mobilenetv3_small_050"), Timm("mobilenetv3_small_050")
    before = [weight.clone() for weight in learnt.parameters()]
    go_back(learnt, first, share)
    for now, was, initial in zip(learnt.parameters(), before, first.parameters(), strict=True):
        assert torch.allclose(now, was + share * (initial - was), atol=1e-6)


def test_a_mean_head_lies_between_the_others_and_leaves_them_as_they_are() -> None:
    heads = [FacePyramid((8, 8, 8, 8)) for _ in range(3)]
    before = [[weight.clone() for weight in head.parameters()] for head in heads]
    mean = mean_head(heads)
    for kept, *each in zip(mean.parameters(), *before, strict=True):
        assert torch.allclose(kept, sum(each) / 3, atol=1e-6)
    for head, weights in zip(heads, before, strict=True):
        assert all(map(torch.equal, head.parameters(), weights))
