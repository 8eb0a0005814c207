"""Limits of layers' inputs that the network's own loss chooses, by gradient steps.

Esser, McKinstry, Bablani, Appuswamy, Modha, Learned Step Size Quantization, arXiv 1902.08153: the gradient of a step
size (equation 3) and the straight-through gradient of the values (equation 5). Here weights stay as they are and the
limits alone are learned, on calibration data, by their logarithm, which keeps them positive.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from costmodel.formats import Format, largest, quantize
from costmodel.precision import Precision
from dse.sensitivity.calls import Data, LossFn, batches, run
from dse.sensitivity.fake_quantize import require_agreement
from dse.sensitivity.layers import edit_input, select
from dse.sensitivity.ranges import Range
from dse.sensitivity.round_trip import calibrated, is_static, round_weight
from dse.sensitivity.tasks import decide
from dse.sensitivity.trials import losses

if TYPE_CHECKING:
    import torch


def learn(
    module: "torch.nn.Module",
    data: Data,
    precisions: Mapping[str, Precision],
    ranges: Mapping[str, Range],
    *,
    loss_fn: "LossFn | None" = None,
    epochs: int = 8,
    rate: float = 0.02,
    batch_size: int = 64,
) -> dict[str, Range]:
    """Return ranges whose limits for the layers' activation formats give the least loss found on the data.

    precisions  of layers, quantised together, weights and inputs; formats without a fixed scale have nothing to learn
    ranges      where learning starts: limits a tensor, of `clipping` or the largest magnitudes
    rate        Adam's, on the limits' logarithms: some percent of a limit a step (a judgement)
    The loss with the ranges returned is at most that with those given, on these data. ValueError on fewer than one
    epoch, and where a limit is not one number a tensor.
    """
    import torch

    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    score = loss_fn or decide(module, data).loss
    twin = copy.deepcopy(module).eval().requires_grad_(False)
    parts = select(twin, precisions)
    owners = require_agreement(parts, precisions)
    logs: dict[str, torch.Tensor] = {}
    for name, part in parts.items():
        if owners[part.get_parameter("weight")] == name:
            part.weight.data = round_weight(part, precisions[name].weight)
        fmt = precisions[name].activation
        if is_static(fmt):
            kept, scale = calibrated(fmt, ranges[name])
            logs[name] = torch.tensor(math.log(_number(name, scale)), dtype=torch.float64, requires_grad=True)
            edit_input(part, partial(_rounded, fmt=kept, log=logs[name]))
    if not logs:
        return dict(ranges)
    _descend(twin, data, list(logs.values()), score, epochs, rate, batch_size)
    learned = dict(ranges)
    for name, log in logs.items():
        fmt = precisions[name].activation
        top = math.exp(log.item()) * largest(calibrated(fmt, ranges[name])[0])
        learned[name] = replace(ranges[name], limits={**ranges[name].limits, fmt.name: top})
    before, after = (
        losses(module, data, [dict(precisions)], used, loss_fn=score, finite=0)[0] for used in (ranges, learned)
    )
    return learned if after <= before else dict(ranges)


def _descend(
    twin: "torch.nn.Module",
    data: Data,
    logs: "list[torch.Tensor]",
    loss_fn: LossFn,
    epochs: int,
    rate: float,
    batch_size: int,
) -> None:
    import torch

    optimizer = torch.optim.Adam(logs, lr=rate)
    for _ in range(epochs):
        for arguments, answers in batches(data, batch_size):
            optimizer.zero_grad()
            loss_fn(run(twin, arguments), answers).backward()
            optimizer.step()


def _rounded(x: "torch.Tensor", fmt: Format, log: "torch.Tensor") -> "torch.Tensor | None":
    """The input on its grid; its gradient passes where it is not cut off, the step's is that of equation 3."""
    import torch

    if not x.is_floating_point():
        return None
    step = log.exp()
    steps = x.double() / step
    low, high = quantize(np.array([-math.inf, math.inf]), fmt, scale=1.0).tolist()
    within = steps.clamp(low, high)
    grid = torch.from_numpy(quantize(steps.detach().numpy(), fmt, scale=1.0)).to(steps)
    return (step * (within + (grid - within).detach())).to(x.dtype)


def _number(name: str, scale: object) -> float:
    if not isinstance(scale, float):
        raise ValueError(f"layer {name!r} must have one limit for its input to learn from, got one a channel")
    return scale
