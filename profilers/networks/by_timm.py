"""Vision networks of the zoo as timm builds them, for machines that have it: networks that no fit was made for."""

from functools import partial
from typing import Any

from costmodel import zoo
from profilers.networks.network import Network

SIDE = 224
"""Pixels of an image's side, whatever a network's own is."""


def by_timm(name: str) -> Network:
    """The zoo's network of that name; UnknownNameError, or a ValueError for a language model, is the zoo's."""
    if zoo.language_model(name) is not None:
        raise ValueError(f"timm has vision networks, {name} is a language model")
    return Network(name, lambda batch: zoo.build(name, batch=batch, resolution=SIDE), partial(_build, name))


def _build(name: str, batch: int) -> tuple[Any, Any]:
    import timm
    import torch

    return timm.create_model(name), torch.randn(batch, 3, SIDE, SIDE)
