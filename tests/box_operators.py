"""Make torchvision importable, which timm and transformers import, where it is built for another torch."""

import importlib.util

import torch


def declare() -> None:
    """Declare the box operators whose schemas torchvision's import expects, where its compiled ones did not load."""
    if not importlib.util.find_spec("torchvision"):
        return
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in ("nms", "qnms"):
            torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
