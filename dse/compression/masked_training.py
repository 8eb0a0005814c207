"""Training in floats of fewer exponent and mantissa bits, simulated by masking: quality, sharpness and cost of one run.

Lee et al., To FP8 and Back Again: Quantifying Reduced Precision Effects on LLM Training Stability, arXiv 2405.18710,
reduce bits one by one so, in the operands of products. Here mantissa bits are cut off, what is beyond the exponent's
range becomes the greatest or zero, and operands are weights, inputs and gradients of outputs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import costmodel as cm
from costmodel.claim import NoFigure
from costmodel.hardware import Device
from costmodel.importers.torch_export import read
from costmodel.workload import Workload
from dse.compression.straight_through import Edits, edited
from dse.sensitivity.layers import quantisable
from dse.sensitivity.sharpness import sharpness

if TYPE_CHECKING:
    import torch

    Examples = tuple[torch.Tensor, torch.Tensor]

FULL_EXPONENT, FULL_MANTISSA = 8, 23
NAMED = {(8, 7): "bf16", (FULL_EXPONENT, FULL_MANTISSA): "fp32"}
RATE = 4e-3
BATCH = 64


@dataclass(frozen=True)
class Row:
    """One layout's run: `losses` an epoch, held-out `loss`, `accuracy` and `sharpness`, and the cost of a step.

    `step_s` is nan where the device lacks a pipe; a run whose loss became infinite or nan has `diverged`.
    """

    exponent_bits: int
    mantissa_bits: int
    losses: tuple[float, ...]
    loss: float
    accuracy: float
    sharpness: float
    step_s: float
    diverged: bool


def mask(x: "torch.Tensor", *, exponent_bits: int, mantissa_bits: int) -> "torch.Tensor":
    """Return float32 values with their mantissa cut to so many bits and their range that of an IEEE exponent.

    Beyond the greatest value magnitudes stay at it, below the least normal one they become 0, nan stays. ValueError
    unless 2 <= exponent_bits <= 8 and 0 <= mantissa_bits <= 23.
    """
    import torch

    if not (2 <= exponent_bits <= FULL_EXPONENT and 0 <= mantissa_bits <= FULL_MANTISSA):
        raise ValueError(
            f"exponent bits are within 2..8, mantissa bits within 0..23, got {exponent_bits=}, {mantissa_bits=}"
        )
    cut = x.detach().float().contiguous().view(torch.int32) & (-1 << (FULL_MANTISSA - mantissa_bits))
    values = cut.view(torch.float32)
    if exponent_bits == FULL_EXPONENT:
        return values
    top = 2 ** (exponent_bits - 1) - 1
    largest = (2 - 2.0**-mantissa_bits) * 2.0**top
    kept: torch.Tensor = values.clamp(-largest, largest) * (values.abs() >= 2.0 ** (1 - top))
    return kept


def train(
    module: "torch.nn.Module",
    data: "Examples",
    *,
    exponent_bits: int,
    mantissa_bits: int,
    epochs: int,
    rate: float = RATE,
    seed: int = 0,
) -> tuple[float, ...]:
    """Train a classifier in place with every layer's operands masked; return the mean loss of each epoch.

    It stops at the first epoch whose loss is not finite. The same seed draws the same batches.
    """

    def narrow(x: "torch.Tensor") -> "torch.Tensor":
        return mask(x, exponent_bits=exponent_bits, mantissa_bits=mantissa_bits)

    edits = {name: Edits(narrow, narrow, narrow) for name in quantisable(module)}
    with edited(module, edits):
        return tuple(fit(module, data, epochs=epochs, rate=rate, seed=seed))


def fit(
    module: "torch.nn.Module",
    data: "Examples",
    *,
    epochs: int,
    rate: float = RATE,
    seed: int = 0,
    each: Callable[[int], object] | None = None,
) -> list[float]:
    """Train a classifier in place by AdamW and cross entropy; `each` is told the epoch that begins."""
    import torch

    if epochs < 1 or not rate > 0:
        raise ValueError(f"epochs must be at least 1 and the rate positive, got {epochs=}, {rate=}")
    images, labels = data
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(module.parameters(), lr=rate)
    losses: list[float] = []
    module.train()
    for epoch in range(epochs):
        if each:
            each(epoch)
        total = 0.0
        for rows in torch.randperm(len(images), generator=generator).split(BATCH):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(module(images[rows]), labels[rows])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / len(images))
        if not torch.isfinite(loss):
            break
    module.eval()
    return losses


def compare(
    make: "Callable[[], torch.nn.Module]",
    data: "Examples",
    held_out: "Examples",
    layouts: Sequence[tuple[int, int]],
    *,
    device: Device,
    epochs: int,
    rate: float = RATE,
) -> list[Row]:
    """Train what `make` returns once for each (exponent, mantissa) bits, and estimate the step that was run.

    `make` must return equal modules each time, so that only the layout differs.
    """
    step = cm.training(read(make().eval(), (data[0][:BATCH],)))
    rows = []
    for exponent_bits, mantissa_bits in layouts:
        module = make()
        step_s = _step_s(step, exponent_bits, mantissa_bits, device)
        losses = train(module, data, exponent_bits=exponent_bits, mantissa_bits=mantissa_bits, epochs=epochs, rate=rate)
        rows.append(_row(module, held_out, exponent_bits, mantissa_bits, losses, step_s))
    return rows


def _row(
    module: "torch.nn.Module", held_out: "Examples", exponent_bits: int, mantissa_bits: int,
    losses: tuple[float, ...], step_s: float,
) -> Row:  # fmt: skip
    """What a trained module is worth on held-out data, multiplied in the layout it was trained in."""
    import torch

    def narrow(x: "torch.Tensor") -> "torch.Tensor":
        return mask(x, exponent_bits=exponent_bits, mantissa_bits=mantissa_bits)

    images, labels = held_out
    with edited(module, {name: Edits(narrow, narrow) for name in quantisable(module)}), torch.no_grad():
        logits = module(images)
    return Row(
        exponent_bits,
        mantissa_bits,
        losses,
        float(torch.nn.functional.cross_entropy(logits, labels)),
        float((logits.argmax(1) == labels).float().mean()),
        sharpness(logits.double().numpy(), labels.numpy()),
        step_s,
        not all(abs(loss) < float("inf") for loss in losses),
    )


def _step_s(step: Workload, exponent_bits: int, mantissa_bits: int, device: Device) -> float:
    """Latency of a step in a layout, by its name where it has one; nan where the device lacks a pipe for it."""
    used = NAMED.get((exponent_bits, mantissa_bits), f"e{exponent_bits}m{mantissa_bits}_ieee")
    try:
        return float(cm.estimate(step, used, device).totals["latency_s"])
    except ValueError as error:
        if "pipe" in str(error):
            return float("nan")
        raise


UNCLAIMED = (
    NoFigure("FP8 back again", "training with exponents and mantissas cut short, and its stability",
             "Lee et al., arXiv 2405.18710, abstract", "training"),
)  # fmt: skip
