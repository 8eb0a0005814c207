"""The formats that a checkpoint holds a language model's linear layers in."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from costmodel.workload.op import Op

LINEAR = ("linear", "experts")
ROUTERS = ("gate", "router", "shared_expert_gate")
"""Layers that choose experts, which every quantiser leaves as they are."""


@dataclass(frozen=True)
class Checkpoint:
    """`precision` is that of the linear layers, `rest` that of all else, spelled as `costmodel.precision` reads it.

    Layers are left in `rest` that a pattern of `kept` is found in, that `only` leaves out where it is not empty, and
    those that give the model's results unless `results`.
    """

    precision: str
    rest: str
    kept: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    results: bool = False

    def stated(self, ops: Sequence[Op], results: Collection[str]) -> tuple[tuple[str, str], ...]:
        """(layer, precision) of those among `ops`, of which `results` are the last ones', and "*" for the others."""
        linear = [op.name for op in ops if op.kind in LINEAR and op.weight_elements]
        held = [name for name in linear if self._holds(name, name in results)]
        return (("*", self.rest), *((name, self.precision) for name in held))

    def _holds(self, name: str, is_result: bool) -> bool:
        if name.rpartition(".")[2] in ROUTERS or (is_result and not self.results):
            return False
        if self.only and not any(re.search(pattern, name) for pattern in self.only):
            return False
        return not any(re.search(pattern, name) for pattern in self.kept)
