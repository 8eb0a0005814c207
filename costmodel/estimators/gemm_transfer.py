"""Constants for a device or kind of product that nobody measured, from those that somebody did.

Constants are ratios to the spec sheet, so the population's geometric mean is a prediction; devices with the same kind
of memory count more, because the gap between peak and sustained rate goes with the class of the board.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from costmodel import hardware
from costmodel.estimators.gemm_constants import GemmConstants
from costmodel.estimators.gemm_kind import NEAREST
from costmodel.hardware import Gpu
from costmodel.hardware.calibration import Calibration

SAME_MEMORY_WEIGHT = 3.0
"""Weight of a device with the same kind of memory (HBM, GDDR), others count 1: two of three devices, so a judgement."""

DEVICE_SHARE = 0.5
"""Share of a device's mean deviation on other kinds of products that is assumed for a kind not measured on it."""

NAMES = tuple(f.name for f in fields(GemmConstants))

LIBRARY_KINDS = ("bfloat16",)
"""Kinds that every backend leaves to the vendor's library, so that all backends' fits tell of a new device: keeping to
one took bf16 from 15 to 20 % on an H100; pooling them took int8_wo, which each writes itself, from 16 to 75 %."""

UNITS = ("compute_efficiency", "memory_efficiency", "wave_rounding")
"""Constants that are shares: at most 1."""


def donors(math: str, gpu: Gpu, fits: Sequence[Calibration], backend: str = "") -> tuple[Calibration, ...]:
    """The measured fits of a kind, else of the nearest one, on other devices.

    Of the same backend where there are any, but for LIBRARY_KINDS.
    """
    measured = [fit for fit in fits if fit.device != gpu.name and fit.how == "calibrated"]
    of_kind = [fit for fit in measured if fit.math == math]
    others = of_kind or [fit for fit in measured if fit.math == NEAREST.get(math)]
    same = [fit for fit in others if fit.backend == backend and math not in LIBRARY_KINDS]
    return tuple(same or others)


def carried(math: str, gpu: Gpu, fits: Sequence[Calibration], backend: str = "") -> GemmConstants:
    """Constants of a kind on a device without rows of it; `fits` may hold the device's other kinds.

    ValueError where no other device has that kind.
    """
    others = donors(math, gpu, fits, backend)
    if not others:
        raise ValueError(f"no calibrated device has {math!r}, so there is nothing to carry to {gpu.name}")
    devices = sorted({fit.device for fit in others})
    weights = np.array([_weight(gpu, name) for name in devices])
    means = np.stack([_mean(fit for fit in others if fit.device == name) for name in devices])
    shifts = np.stack([_shift(math, gpu.name, name, fits) for name in devices])
    return constants(np.exp(weights @ (means + DEVICE_SHARE * shifts) / weights.sum()))


def constants(values: Iterable[float]) -> GemmConstants:
    """A record from values in the order of NAMES, shares capped at 1."""
    named = dict(zip(NAMES, (float(v) for v in values), strict=True))
    return GemmConstants(**{name: min(value, 1.0) if name in UNITS else value for name, value in named.items()})


def logs(values: Mapping[str, float]) -> NDArray[np.float64]:
    """Logarithms of a fit's constants in the order of NAMES; those it has no need of are neutral."""
    neutral = GemmConstants(**{name: 1.0 for name in NAMES if name not in ("quant_cycles",)} | {"quant_cycles": 1e-3})
    return np.log([max(values.get(name, getattr(neutral, name)), 1e-4) for name in NAMES])


def mean_constants(fits: Iterable[Calibration]) -> GemmConstants:
    """The geometric mean of several fits' constants: one for all backends of a device and kind."""
    return constants(np.exp(_mean(fits)))


def _mean(fits: Iterable[Calibration]) -> NDArray[np.float64]:
    return np.asarray(np.mean([logs(fit.constants) for fit in fits], axis=0))


def _shift(math: str, device: str, donor: str, fits: Sequence[Calibration]) -> NDArray[np.float64]:
    """How the device's constants differ from the donor's on the kinds that both have, other than this one."""
    kinds = [{fit.math for fit in fits if fit.device == name} - {math} for name in (device, donor)]
    moves = [
        _mean(f for f in fits if f.device == device and f.math == kind)
        - _mean(f for f in fits if f.device == donor and f.math == kind)
        for kind in sorted(kinds[0] & kinds[1])
    ]
    return np.asarray(np.mean(moves, axis=0)) if moves else np.zeros(len(NAMES))


def _weight(gpu: Gpu, donor: str) -> float:
    known = donor in hardware.names("gpu")
    return SAME_MEMORY_WEIGHT if known and hardware.gpu(donor).memory_kind == gpu.memory_kind != "" else 1.0
