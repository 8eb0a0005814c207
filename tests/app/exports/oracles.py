"""The tools that read our files, imported with what their import warns of left aside."""

import importlib
import importlib.util
import warnings


def tool(name):
    """The module of that name; torchvision, which transformers imports, may be built for another torch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if importlib.util.find_spec("torchvision"):
            _declare_box_operators()
        return importlib.import_module(name)


def _declare_box_operators():
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in ("nms", "qnms"):
            torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
