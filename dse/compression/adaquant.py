"""AdaQuant: move a layer's weights, scales and bias so that its rounded self gives what its exact self gave.

Hubara, Nahshan, Hanani, Banner, Soudry, Improving Post Training Neural Quantization: Layer-wise Calibration and Integer
Programming, arXiv 2006.10518, equation 2; the scales of inputs are those of calibration here, and stay.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

from costmodel.formats import Format
from dse.compression.adaround import outputs
from dse.compression.layer_by_layer import Repair
from dse.compression.rows import as_weight, has_row_scale, nearest, rows
from dse.compression.scale_search import best_scale
from dse.sensitivity.round_trip import round_weight

if TYPE_CHECKING:
    import torch


Candidate: TypeAlias = "tuple[torch.Tensor, dict[str, torch.Tensor]]"
"""A rounded weight, and the bias that goes with it if that was learned."""

LOOKS = 10
"""How often the weight is looked at on the way (a judgement): at few bits the last step is not always the best."""


def adaquant(*, steps: int = 200, examples: int = 256, rate: float = 1e-3, seed: int = 0) -> Repair:
    """Return the repair for `layer_by_layer.quantise`: Adam on `examples` of the layer's inputs a step.

    Rounding passes gradients straight through (Bengio et al., arXiv 1308.3432). The outputs' mean squared error on all
    inputs is at most that of rounding to nearest, as the better of the two is kept; then the bias is kept too.
    Embeddings and formats without one scale a row are rounded to nearest. ValueError below one step or example.
    """
    if steps < 1 or examples < 1:
        raise ValueError(f"steps and examples must be at least 1, got {steps} and {examples}")

    def repair(part: "torch.nn.Module", fmt: Format, x: "torch.Tensor") -> "torch.Tensor":
        if not x.is_floating_point() or not has_row_scale(fmt):
            return round_weight(part, fmt)
        import torch

        with torch.enable_grad():
            return _moved(part, fmt, x.detach(), steps, examples, rate, torch.Generator().manual_seed(seed))

    return repair


def _moved(
    part: "torch.nn.Module",
    fmt: Format,
    x: "torch.Tensor",
    steps: int,
    examples: int,
    rate: float,
    generator: "torch.Generator",
) -> "torch.Tensor":
    import torch

    exact = part.get_parameter("weight").detach()
    matrix = rows(part).requires_grad_()
    log_scale = best_scale(rows(part), fmt, None)[1].log().requires_grad_()
    bias = getattr(part, "bias", None)
    biases = {} if bias is None else {"bias": bias.detach().clone().requires_grad_()}
    typical = float(matrix.detach().abs().mean())
    groups: list[dict[str, Any]] = [
        {"params": [matrix], "lr": 10 * rate * max(typical, 1e-12)},
        {"params": [log_scale, *biases.values()]},
    ]
    optimizer = torch.optim.Adam(groups, lr=rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, total_iters=steps)
    found: list[Candidate] = [(round_weight(part, fmt), {})]
    for step in range(steps):
        batch = x[torch.randint(len(x), (min(examples, len(x)),), generator=generator)]
        rounded = as_weight(part, _straight_through(matrix, fmt, log_scale.exp()))
        loss = (outputs(part, rounded, batch, **biases) - outputs(part, exact, batch).detach()).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % max(steps // LOOKS, 1) == 0:
            weight = as_weight(part, nearest(matrix.detach(), fmt, log_scale.exp().detach()))
            found.append((weight, {name: b.detach().clone() for name, b in biases.items()}))
    return _best(part, x, found)


def _straight_through(matrix: "torch.Tensor", fmt: Format, scale: "torch.Tensor") -> "torch.Tensor":
    """Rounded values whose gradients are those of the values themselves, and of the scale that they are steps of."""
    steps = matrix / scale
    return (steps + (nearest(matrix.detach(), fmt, scale.detach()) / scale.detach() - steps).detach()) * scale


def _best(part: "torch.nn.Module", x: "torch.Tensor", found: "list[Candidate]") -> "torch.Tensor":
    """The weight whose outputs on all inputs are nearest to the exact weight's; the bias learned with it is set."""
    import torch

    with torch.no_grad():
        target = outputs(part, part.get_parameter("weight"), x)
        lost = [float((outputs(part, weight, x, **biases) - target).square().mean()) for weight, biases in found]
    weight, biases = found[lost.index(min(lost))]
    for name, values in biases.items():
        part.get_parameter(name).data = values
    return weight
