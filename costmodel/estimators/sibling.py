"""fp16 by what was measured in bf16: the same bytes and the same rate of the tensor units, but other kernels."""

from dataclasses import replace

import numpy as np

from costmodel.estimators.prediction import Prediction
from costmodel.hardware import Gpu
from costmodel.precision import Precision
from costmodel.record import Real

SIBLINGS = {"fp16": "bf16"}
"""A pipe, and the one whose measurements serve it."""

OFFSET = 0.1
"""Log offset added to an interval either way: a factor of 1.1. On an H100, ResNet-50 and ViT-B took 0.96 to 1.07 times
as long in fp16 as in bf16, at batches of 1, 8 and 64 (calibrations/h100_sxm_torch_networks.parquet)."""

SHARED = 1.0
"""Correlation of the errors of sums: whatever sets the two formats apart is likely to be alike for all shapes."""


def taken(found: Prediction, pipe: str) -> Prediction:
    """The prediction of a pipe from what its sibling was measured to take: less sure, and labelled as transferred.

    What was carried from other devices keeps its interval, which is wide.
    """
    how = np.asarray(found.how).astype(str)
    own = np.char.startswith(how, "calibrated")
    label = np.array([_label(text, pipe) for text in how.reshape(-1).tolist()]).reshape(how.shape)
    factor = np.where(own, np.exp(OFFSET), 1.0)
    shared = np.asarray(np.where(own, SHARED, found.correlation))
    return replace(
        found, low_s=found.low_s / factor, high_s=found.high_s * factor, how=label[()], correlation=shared[()]
    )


def precision_of(precision: Precision) -> Precision:
    """The precision with the formats of the siblings, by name, in place of those that have one."""

    def named(name: Real) -> Real:
        names = np.asarray(name)
        return np.select([names == own for own in SIBLINGS], list(SIBLINGS.values()), names.astype(str))[()]

    weight, activation = (replace(side, name=named(side.name)) for side in (precision.weight, precision.activation))
    return replace(precision, weight=weight, activation=activation)


def lent(gpu: Gpu) -> Gpu:
    """The GPU with the rate of a pipe that it has as that of the sibling that it lacks."""
    peaks = gpu.peak_flops
    rates = {near: peaks.of(own) for own, near in SIBLINGS.items() if np.isnan(peaks.of(near))}
    return replace(gpu, peak_flops=replace(peaks, **rates)) if rates else gpu


def _label(how: str, pipe: str) -> str:
    level, told = how.partition(" (")[::2]
    lent = f"{pipe} as {SIBLINGS[pipe]}"
    if level == "calibrated":
        return f"transferred ({lent}{' of ' + told.rstrip(')') if told else ''})"
    return f"{level} ({lent}{', ' + told if told else ')'}" if level in ("transferred", "spec") else how
