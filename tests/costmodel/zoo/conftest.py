"""Make the oracles importable: torchvision (timm and transformers import it) may be built for another torch."""

import importlib.util
import os

import torch

os.environ["HF_HUB_OFFLINE"] = "1"


def _declare_missing_operators() -> None:
    """Declare the box operators whose schemas torchvision's import expects, where its compiled ones did not load."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in ("nms", "qnms"):
            torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


if importlib.util.find_spec("torchvision"):
    _declare_missing_operators()
