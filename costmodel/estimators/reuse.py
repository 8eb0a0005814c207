"""What a GPU runs of a pass: some ops within the kernel of another, some layers again, weights perhaps in the L2."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

from costmodel.estimators.fusion import fuse
from costmodel.record import changed
from costmodel.workload import Op
from costmodel.workload.op import Again
from costmodel.workload.rerun import RERUN, layer_of, own_outputs, runs_of

Passing: TypeAlias = list[tuple[str, float]]
"""Ops in order: the layer's name, and the elements that the run makes."""


def on_gpu(ops: Sequence[Op]) -> tuple[Op, ...]:
    """Return the ops fused, with `again` of each layer that has weights and runs again."""
    run = fuse(ops)
    if not any(op.kind == RERUN for op in run):
        return run
    weights = {op.name: float(op.weight_elements * op.weight_reads) for op in run}
    found = {layer: at for layer, at in runs_of(run).items() if len(at) > 1 and weights.get(layer)}
    passing = [(layer_of(op), made) for op, made in zip(run, own_outputs(run), strict=True)]
    again = {layer: _again(passing, at, weights) for layer, at in found.items()}
    return tuple(changed(op, again=again[op.name]) if op.name in again else op for op in run)


def _again(passing: Passing, at: Sequence[int], weights: Mapping[str, float]) -> Again:
    """Of the layer whose runs are at these places."""
    between = min(_touched(passing[i:j], weights) for i, j in pairwise(at))
    return Again(1 - 1 / len(at), between, _touched(passing[at[-1] :] + passing[: at[0]], weights))


def _touched(passing: Passing, weights: Mapping[str, float]) -> float:
    """Elements that are touched at least: the weights of all but the first layer, and one tensor, as places of tensors
    are taken by others."""
    (own, _), *_ = passing
    others = {layer for layer, _ in passing} - {own}
    return sum(weights.get(layer, 0.0) for layer in others) + max(made for _, made in passing)
