"""Declare the two torchvision operators timm asks for, where torchvision has no compiled part."""

from __future__ import annotations

from torch.library import Library

__all__ = ["LIBRARY"]

LIBRARY = Library("torchvision", "FRAGMENT")
for _operator in ("nms", "qnms"):
    LIBRARY.define(f"{_operator}(Tensor boxes, Tensor scores, float iou_threshold) -> Tensor")
