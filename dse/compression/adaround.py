"""AdaRound: learn for each weight whether to round down or up, so that the layer's outputs change least.

Nagel, Amjad, van Baalen, Louizos, Blankevoort, Up or Down? Adaptive Rounding for Post-Training Quantization,
arXiv 2004.10568: the rectified sigmoid (equation 23), its regulariser (24) and the annealing of section 3.3.
"""

from typing import TYPE_CHECKING, Any

from costmodel.formats import Format, largest, values
from dse.compression.layer_by_layer import Repair
from dse.compression.rows import as_weight, has_row_scale, nearest, rows, scale_of
from dse.sensitivity.round_trip import round_weight

if TYPE_CHECKING:
    import torch

MOST_BITS = 16
"""Of a format whose whole grid is listed."""

STRETCH = 1.1, -0.1
"""Zeta and gamma of the rectified sigmoid."""

WEIGHT = 1.0
"""Lambda: what undecided weights of a row cost beside the mean squared output error, in units of that of rounding to
nearest; the paper's 0.01 is in the units of its losses (a judgement: 0.01 to 1 tried on two small layers)."""

WARM_UP = 0.2
"""The share of steps without the regulariser."""

SHARPNESS = 20.0, 2.0
"""Beta, from the first to the last step."""


def adaround(*, steps: int = 500, examples: int = 256, rate: float = 3e-2, seed: int = 0) -> Repair:
    """Return the repair for `layer_by_layer.quantise`: Adam on `examples` of the layer's inputs a step.

    The outputs' mean squared error on all inputs is at most that of rounding to nearest, as the better of the two is
    kept. The paper takes 10,000 steps. A minifloat's neighbours are those of its grid (Aggarwal et al., Shedding the
    Bits, arXiv 2311.12359, which carries the method over). Embeddings, and formats without a scale a row or
    of more than 16 bits, are rounded to nearest. ValueError on fewer than one step or example.
    """
    if steps < 1 or examples < 1:
        raise ValueError(f"steps and examples must be at least 1, got {steps} and {examples}")

    def repair(part: "torch.nn.Module", fmt: Format, x: "torch.Tensor") -> "torch.Tensor":
        if not x.is_floating_point() or not has_row_scale(fmt) or fmt.bits > MOST_BITS:
            return round_weight(part, fmt)
        import torch

        with torch.enable_grad():
            return _learned(part, fmt, x.detach(), steps, examples, rate, torch.Generator().manual_seed(seed))

    return repair


def outputs(part: "torch.nn.Module", weight: "torch.Tensor", x: "torch.Tensor", **others: Any) -> "torch.Tensor":
    """What a layer gives with another weight (and bias)."""
    import torch

    found: torch.Tensor = torch.func.functional_call(part, {"weight": weight, **others}, (x,))
    return found


def _learned(
    part: "torch.nn.Module",
    fmt: Format,
    x: "torch.Tensor",
    steps: int,
    examples: int,
    rate: float,
    generator: "torch.Generator",
) -> "torch.Tensor":
    import torch

    matrix = rows(part)
    scale = scale_of(matrix, fmt)
    low, gap = _neighbours(matrix / scale, fmt)
    part_up = ((matrix / scale - low) / gap).clamp(1e-4, 1 - 1e-4)
    zeta, gamma = STRETCH
    raw = torch.logit((part_up - gamma) / (zeta - gamma)).requires_grad_()

    def soft() -> torch.Tensor:
        return (torch.sigmoid(raw) * (zeta - gamma) + gamma).clamp(0, 1)

    def weight(up: torch.Tensor) -> torch.Tensor:
        return as_weight(part, (low + up * gap) * scale)

    exact = part.get_parameter("weight").detach()
    plain = as_weight(part, nearest(matrix, fmt, scale))
    lost = (outputs(part, plain, x) - outputs(part, exact, x)).detach().square().mean()
    optimizer = torch.optim.Adam([raw], lr=rate)
    for step in range(steps):
        batch = x[torch.randint(len(x), (min(examples, len(x)),), generator=generator)]
        loss = (outputs(part, weight(soft()), batch) - outputs(part, exact, batch).detach()).square().mean()
        progress = (step / steps - WARM_UP) / (1 - WARM_UP)
        if progress > 0:
            sharpness = SHARPNESS[0] + (SHARPNESS[1] - SHARPNESS[0]) * progress
            loss = loss + WEIGHT * lost * (1 - (2 * soft() - 1).abs().pow(sharpness)).sum() / len(matrix)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return better(part, x, exact, plain, weight((soft() >= 0.5).double()).detach())


def _neighbours(matrix: "torch.Tensor", fmt: Format) -> "tuple[torch.Tensor, torch.Tensor]":
    """The value of the format's grid below each entry, and how far the next one is; integers are symmetric."""
    import torch

    every = values(fmt)
    grid = torch.from_numpy(every[abs(every) <= largest(fmt)])
    index = (torch.bucketize(matrix, grid, right=True) - 1).clamp(0, len(grid) - 2)
    return grid[index], grid[index + 1] - grid[index]


def better(
    part: "torch.nn.Module", x: "torch.Tensor", exact: "torch.Tensor", plain: "torch.Tensor", learned: "torch.Tensor"
) -> "torch.Tensor":
    """The learned weight if its outputs on all inputs are nearer to the exact weight's, else the plain one."""
    import torch

    with torch.no_grad():
        target = outputs(part, exact, x)
        lost = [(outputs(part, weight, x) - target).square().mean() for weight in (plain, learned)]
    return learned if lost[1] < lost[0] else plain
