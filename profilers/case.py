"""Case: which pass of which network is timed, in what format and how it is run."""

from typing import NamedTuple

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}

NARROW = {"fp8": "fp8_e4m3/fp8_e4m3/bf16", "int8": "int8/int8/bf16", "int4": "int4_g128/bf16"}
"""Formats of linear layers, the rest in bf16 (profilers/networks/narrow.py), and how `precision` spells them."""

EAGER, GRAPH = "eager", "graph"
"""Launched call by call by the host, or replayed."""

FORWARD, TRAINING = "forward", "training"
"""The passes that are timed; `training` is forward and backward, without an optimizer."""

COMPILED = ".compile"
"""Ends the name of a backend whose networks are compiled first, batch norms folded: pointwise ops run fused."""


class Case(NamedTuple):
    """What is timed: the name of a network, format of weights and activations, batch, pass, and whether compiled."""

    network: str
    precision: str
    batch: int
    run: str = FORWARD
    compiled: bool = False

    def software(self, name: str) -> str:
        """The backend of its rows, where `name` runs networks that are not compiled."""
        return f"{name}{COMPILED}" if self.compiled else name
