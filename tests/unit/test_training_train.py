"""What a leg of training starts from."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
if find_spec("timm") is None:
    pytest.skip("training needs the extra `train`", allow_module_level=True)

from scened.models.training.backbone import Timm  # noqa: E402
from scened.models.training.train import go_back  # noqa: E402


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_what_was_learnt_is_given_up_by_the_share_asked_for(share: float) -> None:
    first, learnt = Timm("mobilenetv3_small_050"), Timm("mobilenetv3_small_050")
    before = [weight.clone() for weight in learnt.parameters()]
    go_back(learnt, first, share)
    for now, was, initial in zip(learnt.parameters(), before, first.parameters(), strict=True):
        assert torch.allclose(now, was + share * (initial - was), atol=1e-6)
