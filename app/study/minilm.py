"""MiniLM for methods that change its trained weights: its layers, and how alike sentences are with them."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from app.study.row import Row
from costmodel.estimators import traffic
from costmodel.precision import Precision
from costmodel.workload import Op, Workload
from costmodel.workload.ops import linear
from dse.compression.rows import as_weight, rows
from dse.sensitivity.layers import select

CALIBRATION, TEST, TOKENS = 32, 150, 64
"""Pairs of sentences, and tokens of each at most."""
QUALITY = "rank agreement of similarities"


@dataclass(frozen=True)
class Minilm:
    """`module` with its linear layers by name, and their products as ops."""

    module: Any
    layers: tuple[str, ...]
    workload: Workload
    subject: Any

    def changed(self, edit: Callable[[Any, Any], Any]) -> Any:
        """A copy whose every layer's weight [rows, columns] is what `edit` makes of it and its op."""
        twin = deepcopy(self.module)
        for name, part in select(twin, self.layers).items():
            part.weight.data = as_weight(part, edit(rows(part), self.workload.op(name)))
        return twin

    def row(self, setting: str, bits: float, module: Any, seed: int) -> Row:
        """What so many stored bits a weight cost, and the agreement with the whole network on held-out sentences."""
        agreed = float(self.subject.score(module)["rank"].mean())
        return Row("MiniLM", setting, "bits a weight", bits, QUALITY, agreed, seed)

    def bits(self, workload: Workload, used: Callable[[Op], Precision]) -> float:
        """Stored bits of a workload's weights over the number of weights that the layers have."""
        stored = sum(float(traffic.weight_bytes(op, used(op))) for op in workload.ops)
        return 8 * stored / sum(float(op.weight_elements) for op in self.workload.ops)


def load() -> Minilm:
    """Return the network; ImportError names the extra that brings it."""
    from app.exam import minilm

    subject = minilm.subject(CALIBRATION, TEST, TOKENS)
    weights = {name: subject.module.get_parameter(f"{name}.weight") for name in subject.layers}
    layers = tuple(name for name in subject.layers if "embeddings" not in name)
    ops = tuple(linear(name, 1, weights[name].shape[1], weights[name].shape[0], bias=False) for name in layers)
    return Minilm(subject.module, layers, Workload("MiniLM", ops), subject)
