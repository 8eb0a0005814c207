"""Training on the way to N:M weights: masks by magnitude that fade or tighten as a `DecayingMask` says.

Bambhaniya et al., Progressive Gradient Flow, arXiv 2402.04744: the forward uses the masked weights, the gradient
reaches all of them (abhibambhaniya/progressive_gradient_flow_nm_sparsity, timm/sparse_pruning/sparse_functions.py).
"""

import copy
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from costmodel.strategies.decaying_mask import DecayingMask
from dse.compression.fine_tune import hold, run
from dse.sensitivity.calls import Data, LossFn
from dse.sensitivity.layers import output_axis, select
from dse.sensitivity.tasks import decide

if TYPE_CHECKING:
    import torch


class Trained(NamedTuple):
    """A network whose layers are n of m, and the mean fraction of their weights that the forwards of a run used."""

    module: "torch.nn.Module"
    mean_density: float


def nm_mask(weight: "torch.Tensor", n: int, m: int) -> "torch.Tensor":
    """Return which weights stay when of every m in a row the n largest do: bool of the weight's shape.

    A row is all that one output reads (axis 0 counts outputs). ValueError unless 0 < n <= m and m divides its length.
    """
    import torch

    flat = weight.detach().flatten(1)
    if not 0 < n <= m or flat.shape[1] % m:
        raise ValueError(f"0 < n <= m must hold and m divide a row of {flat.shape[1]} weights, got n={n}, m={m}")
    groups = flat.abs().unflatten(1, (-1, m))
    kept = torch.zeros_like(groups, dtype=torch.bool).scatter_(2, groups.topk(n, dim=2).indices, True)
    return kept.flatten(1).view_as(weight)


def train_decaying(
    module: "torch.nn.Module", layers: Iterable[str], how: DecayingMask, data: Data, *, epochs: int,
    learning_rate: float = 2e-3, seed: int = 0, loss_fn: "LossFn | None" = None,
) -> Trained:  # fmt: skip
    """Train a twin whose `layers` go the way of `how` to n of m; the caller names those that `how.touches`.

    A layer that a wider pattern on the way does not divide takes the last pattern there. ValueError for a layer whose
    rows m does not divide, one that counts inputs first, and without an epoch.
    """
    import torch

    twin = copy.deepcopy(module)
    parts = select(twin, layers)
    odd = [name for name, part in parts.items() if output_axis(part) or part.get_parameter("weight")[0].numel() % how.m]
    if odd or epochs < 1:
        raise ValueError(f"m must divide each layer's rows, and epochs be at least 1, got {how.m}, {odd}, {epochs=}")
    names = {f"{name}.weight": part.get_parameter("weight") for name, part in parts.items()}
    used: list[float] = []
    score = loss_fn or decide(module, data).loss

    def step(t: float, arguments: "tuple[torch.Tensor, ...]", answers: "torch.Tensor") -> "torch.Tensor":
        factors = {name: _factor(weight, how, t) for name, weight in names.items()}
        used.append(sum(float((f != 0).sum()) for f in factors.values()) / sum(f.numel() for f in factors.values()))
        masked = {name: weight + (weight * factors[name] - weight).detach() for name, weight in names.items()}
        return score(torch.func.functional_call(twin, masked, arguments), answers)

    run(twin, data, step, epochs=epochs, learning_rate=learning_rate, seed=seed)
    hold(twin, {name: nm_mask(weight, how.n, how.m) for name, weight in names.items()})
    return Trained(twin.eval(), sum(used) / len(used))


def _factor(weight: "torch.Tensor", how: DecayingMask, t: float) -> "torch.Tensor":
    """What each weight counts after the fraction t of the training."""
    n, m, value = _pattern(how, t)
    if weight[0].numel() % m:
        n, m = how.n, how.m
    kept = nm_mask(weight, n, m).to(weight)
    return kept + (1 - kept) * value


def _pattern(how: DecayingMask, t: float) -> tuple[int, int, float]:
    """The pattern, and what a weight outside it counts."""
    decay = 1 - how.dense - how.fine_tune
    if t < how.dense:
        return how.m, how.m, 1.0
    if t >= how.dense + decay:
        return how.n, how.m, 0.0
    through = (t - how.dense) / decay
    if how.schedule.startswith("mdgf"):
        return how.n, how.m, how.mask_value(through)
    passed = 0.0
    for frame in how.frames:
        passed += frame.share
        if through < passed:
            break
    return frame.n, frame.m, 0.0
