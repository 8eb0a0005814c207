"""Which filters of a trained network may go: their scores, and what is zero without the lowest.

Homayounfar et al., Beta-Rank, arXiv 2304.07461, as mohofar/Beta-Rank, rank_generation.py computes it: the magnitude of
a filter times how much its output varies over inputs for how much its patches do. L1 is the magnitude alone: Li et al.,
Pruning Filters for Efficient ConvNets, arXiv 1608.08710, section 3.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from costmodel.strategies._channels import Channels
from costmodel.workload import Workload
from dse.compression.rows import patches, rows
from dse.sensitivity.calls import Inputs, run
from dse.sensitivity.layers import select

if TYPE_CHECKING:
    import torch

SCORES = ("beta", "l1")


def filter_scores(
    module: "torch.nn.Module", layers: Iterable[str], inputs: Inputs, *, score: str = "beta"
) -> "dict[str, torch.Tensor]":
    """Return the score of each filter, float64 [filters], by layer; one batch of `inputs` is what they vary over.

    `score` is one of SCORES. Layers that are no plain convolution or linear map have the L1 score. ValueError for
    another score.
    """
    import torch

    if score not in SCORES:
        raise ValueError(f"score must be one of {', '.join(SCORES)}, got {score!r}")
    found: dict[str, torch.Tensor] = {}
    parts = select(module, layers)

    def note(name: str, part: Any, x: torch.Tensor, y: torch.Tensor) -> None:
        found[name] = rows(part).abs().mean(1) * (_response(part, x, y) if score == "beta" else 1.0)

    def hook(name: str) -> Any:
        return lambda part, args, y: note(name, part, args[0], y)

    handles = [part.register_forward_hook(hook(name)) for name, part in parts.items()]
    try:
        with torch.no_grad():
            run(module.eval(), inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _response(part: Any, x: "torch.Tensor", y: "torch.Tensor") -> "torch.Tensor | float":
    """The deviation of outputs over examples by that of their patches, summed over places: [filters]."""
    import torch

    seen = patches(part, x)
    if seen is None or len(seen) > 1:
        return 1.0
    outputs = y.double().flatten(2) if y.ndim > 2 and isinstance(part, torch.nn.Conv2d) else y.double()[..., None]
    by_place = seen[0].unflatten(0, (len(x), -1)).movedim(1, 0).flatten(1).std(1)
    ratio = torch.where(by_place > 0, outputs.std(0) / by_place, 0.0)
    return ratio.sum(1)


def zeros(
    workload: Workload, pruned: Workload, scores: "Mapping[str, torch.Tensor]", module: "torch.nn.Module"
) -> "dict[str, torch.Tensor]":
    """Return the masks of a module's parameters whose zeros are the channels that `pruned` lacks of `workload`.

    Of channels tied to one another the sum of their filters' scores, each layer's over its largest, decides. Weights
    and biases of the layers that make a channel, and scale and shift of its norms, are zero: nothing of it is left.
    ValueError where a layer has no scores.
    """
    before, after = Channels(workload), Channels(pruned)
    masks: dict[str, torch.Tensor] = {}
    for group, channels in before.size.items():
        if (left := after.size[group]) < channels:
            makers = [op.name for op in before.makers(group)]
            wider = [name for name in makers if workload.op(name).n != channels]
            if wider:
                raise ValueError(f"a channel of {wider[0]} is one output of it, got a gate and its value in one layer")
            missing = [name for name in makers if name not in scores]
            if missing:
                raise ValueError(f"each pruned layer needs scores, {missing[0]} has none")
            kept = _largest(sum(scores[name] / scores[name].max() for name in makers), left)
            norms = [op.name for i, op in enumerate(workload.ops) if op.kind == "norm" and before.group(i) == group]
            masks |= _of_parts(module, [*makers, *norms], kept)
    return masks


def _largest(total: Any, count: int) -> "torch.Tensor":
    import torch

    kept = torch.zeros(len(total), dtype=torch.bool)
    kept[total.topk(count).indices] = True
    return kept


def _of_parts(module: "torch.nn.Module", names: Iterable[str], kept: "torch.Tensor") -> "dict[str, torch.Tensor]":
    masks: dict[str, torch.Tensor] = {}
    for name in names:
        for kind, parameter in module.get_submodule(name).named_parameters(recurse=False):
            masks[f"{name}.{kind}"] = kept.reshape(-1, *(1,) * (parameter.ndim - 1))
    return masks
