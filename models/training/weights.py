"""Arithmetic on the weights of networks that are built alike."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import nn

__all__ = ["mean_of", "move"]


Network = TypeVar("Network", bound=nn.Module)


def mean_of(networks: Sequence[Network]) -> Network:
    """Return a network whose weights are the means of others', which stay as they are.

    Of networks that started alike the mean is often better than any. Source: Wortsman et al.,
    Model soups, 2022.
    """
    mean = copy.deepcopy(networks[0])
    with torch.no_grad():
        for kept, *each in zip(
            mean.parameters(), *(network.parameters() for network in networks), strict=True
        ):
            kept.copy_(torch.stack(each).mean(dim=0))
    return mean


def move(network: nn.Module, towards: nn.Module, share: float) -> None:
    """Take a network's weights a share of the way towards another's."""
    with torch.no_grad():
        for weight, other in zip(network.parameters(), towards.parameters(), strict=True):
            weight.lerp_(other.to(weight), share)
