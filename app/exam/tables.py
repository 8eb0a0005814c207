"""What each width is foretold to cost each layer, by several methods."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.exam.subject import WIDTHS, Subject
from costmodel.precision import precision
from dse.compression import alone, gptq
from dse.sensitivity import Range, noise_to_signal, observe
from dse.sensitivity.clipping import clip, least_squares
from dse.sensitivity.context import in_context
from dse.sensitivity.hessian import hessian_loss, hessian_trace
from dse.sensitivity.trials import Rounding, losses

Table = NDArray[np.float64]


def measured(
    subject: Subject, layers: Sequence[str], *, repair: bool, progress: Callable[[int, int], Any] | None = None
) -> dict[str, Table]:
    """Return {"plan": increases of the loss, "plan by proxy": of the proxy if there is one} [layers, widths].

    With `repair`, of each layer as GPTQ leaves it, activations cut off with least squared error.
    """
    seen: list[float] = []

    def both(outputs: Any, targets: Any) -> Any:
        seen.append(float(subject.proxy(outputs, targets)) if subject.proxy else 0.0)
        return subject.loss_fn(outputs, targets)

    found = losses(
        subject.module,
        subject.calibration,
        [{}, *({name: option} for name in layers for option in subject.options)],
        input_ranges(subject, repair=repair),
        loss_fn=both,
        rounding=_rounding(subject, layers, repair),
        batch_size=len(subject.calibration[1]),
        progress=progress,
    )
    tables = {"plan": found} | ({"plan by proxy": np.array(seen)} if subject.proxy else {})
    return {arm: (t[1:] - t[0]).reshape(len(layers), -1) for arm, t in tables.items()}


def context(
    subject: Subject, choice: NDArray[np.int64], layers: Sequence[str], *, repair: bool, progress: Any = None
) -> Table:
    """The change of the loss [layers, widths] with one layer at a width and all others at a choice."""
    return in_context(
        subject.module,
        subject.calibration,
        subject.precisions(choice),
        subject.options,
        input_ranges(subject, repair=repair),
        layers=layers,
        loss_fn=subject.loss_fn,
        rounding=_rounding(subject, subject.layers, repair),
        batch_size=len(subject.calibration[1]),
        progress=progress,
    )


def _rounding(subject: Subject, layers: Sequence[str], repair: bool) -> "Rounding | None":
    return alone(subject.module, layers, subject.calibration[0], gptq) if repair else None


def hessian(subject: Subject, *, probes: int) -> dict[str, Table]:
    """Return {"hessian": HAWQ's trace-weighted change of the weights, "data-free": noise over signal}."""
    traces = hessian_trace(subject.module, subject.calibration, subject.layers, loss_fn=subject.loss_fn, probes=probes)
    noise = np.array([noise_to_signal(f"int{width}") for width in WIDTHS])
    return {
        "hessian": hessian_loss(subject.module, traces, subject.options),
        "data-free": np.tile(noise, (len(subject.layers), 1)),
    }


def input_ranges(subject: Subject, *, repair: bool) -> dict[str, Range]:
    """The smallest and largest inputs of each layer, with the limits of least squared error where repairing."""
    inputs = subject.calibration[0]
    ranges = observe(subject.module, subject.layers, inputs)
    if not repair:
        return ranges
    activation = precision(subject.options[0].name).activation
    return clip(subject.module, ranges, inputs, [activation], least_squares)
