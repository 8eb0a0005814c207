"""Constants for a device or kind of work that nobody measured, from those that somebody did.

Constants are ratios to the spec sheet, so the population's geometric mean is a prediction; devices with the same kind
of memory count more, because the gap between peak and sustained rate goes with the class of the board, and those with
the same SMs most.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.latency_model import LatencyModel
from costmodel.hardware import Cpu, Gpu
from costmodel.hardware.calibration import Calibration
from costmodel.hardware.load import files, read, user_folder

SAME_MEMORY_WEIGHT = 3.0
"""Weight of a device with the same kind of memory (HBM, GDDR), others count 1: two of three devices, so a judgement."""

SAME_SM_WEIGHT = 6.0
"""Weight beside it of a device whose SMs are the same: boards of one die differ by clocks and memory, which constants
are relative to. Of 1, 3, 4, 5, 6 and 10 the best for 98 bf16 products on an H200, by others' software (7.2 % off in the
mean, 8.9 without)."""

SAME_SM = 0.1
"""How far the arithmetic of two such SMs in a clock may lie apart: peaks are stated at other clocks than the top."""

DEVICE_SHARE = 0.5
"""Share of a device's mean deviation on kinds of its class that is assumed for a kind not measured on it: 2,000 rows a
kind without their own fits err by 13, 13, 22, 12 and 12 % (A100 int4 and int8 weights, H100 fp8 in blocks, L40S int4
and int8 weights), without it by 17, 16, 70, 19 and 18 %, with all of it by 17, 13, 25, 11 and 19 %. Of other classes a
kind carries what it does not do: with their deviations int8 (sq) went from 14 and 16 to 19 and 20 % (A100, L40S), bf16
from 10, 13, 14 and 17 to 21, 36, 40 and 16 % (A100, H100 twice, L40S)."""

LEAST = 1e-4
"""Constants below this are taken as this: their logarithm says nothing more."""


def of_device(fits: Sequence[Calibration], gpu: Gpu | Cpu, math: str) -> tuple[Calibration, ...]:
    """A device's own fits of a kind: those of the backend that it names where there are any, else all."""
    own = [fit for fit in fits if fit.device == gpu.name and fit.math == math]
    return tuple([fit for fit in own if isinstance(gpu, Gpu) and fit.backend == gpu.backend] or own)


def lent_to(device: Gpu | Cpu, fits: Sequence[Calibration]) -> list[Calibration]:
    """The fits whose constants mean the same on the device: other GPUs' on a GPU, none on a processor."""
    if isinstance(device, Cpu):
        return []
    processors = files("cpu")
    return [fit for fit in fits if fit.device != device.name and fit.device not in processors]


def donors(
    model: LatencyModel, math: str, gpu: Gpu | Cpu, fits: Sequence[Calibration], backend: str = ""
) -> tuple[Calibration, ...]:
    """The measured fits of a kind, else of the nearest one, on other GPUs: none for a processor, nor of other kernels.

    Of the same backend where there are any, but for the model's library kinds unless that backend stands apart.
    """
    measured = [fit for fit in lent_to(gpu, fits) if fit.how == "calibrated" and tells(model, fit)]
    of_kind = [fit for fit in measured if fit.math == math]
    others = of_kind or [fit for fit in measured if fit.math == model.nearest.get(math)]
    same = [fit for fit in others if fit.backend == backend and (fit.by_name or math not in model.library)]
    return tuple(same or others)


def tells(model: LatencyModel, fit: Calibration) -> bool:
    """Whether a fit tells of more than its own rows; the user's do."""
    return fit.users or (fit.device, fit.math, fit.backend) not in model.other_kernels


def peers(givers: Sequence[Calibration], fits: Sequence[Calibration]) -> tuple[Calibration, ...]:
    """All backends' fits of the givers' kinds on their devices: one backend on one device tells little of another."""
    known = {(fit.device, fit.math, fit.by_name) for fit in givers}
    return tuple(fit for fit in fits if fit.how == "calibrated" and (fit.device, fit.math, fit.by_name) in known)


def carried(model: LatencyModel, math: str, gpu: Gpu | Cpu, fits: Sequence[Calibration], backend: str = "") -> Any:
    """Constants of a kind on a device without rows of it; `fits` may hold the device's other kinds.

    ValueError where no other device has that kind.
    """
    others = donors(model, math, gpu, fits, backend)
    if not others:
        raise ValueError(f"no calibrated device has {math!r}, so there is nothing to carry to {gpu.name}")
    devices = sorted({fit.device for fit in others})
    weights = np.array([_weight(gpu, name) for name in devices])
    means = np.stack([_mean(model, (fit for fit in others if fit.device == name)) for name in devices])
    shifts = DEVICE_SHARE * np.stack([_shift(model, math, gpu.name, name, fits) for name in devices])
    return constants(model, np.exp(weights @ (means + shifts) / weights.sum()))


def constants(model: LatencyModel, values: Iterable[float]) -> Any:
    """A record from values in the order of the model's names, shares capped at 1."""
    named = dict(zip(model.names, (float(v) for v in values), strict=True))
    return model.constants(**{n: min(value, 1.0) if n in model.shares else value for n, value in named.items()})


def logs(model: LatencyModel, values: Mapping[str, float]) -> NDArray[np.float64]:
    """Logarithms of a fit's constants in the order of the model's names; those it has no need of are neutral."""
    return np.log([max(values.get(name, getattr(model.neutral, name)), LEAST) for name in model.names])


def mean_constants(model: LatencyModel, fits: Iterable[Calibration]) -> Any:
    """The geometric mean of several fits' constants: one for all backends of a device and kind."""
    return constants(model, np.exp(_mean(model, fits)))


def _mean(model: LatencyModel, fits: Iterable[Calibration]) -> NDArray[np.float64]:
    return np.asarray(np.mean([logs(model, fit.constants) for fit in fits], axis=0))


def _shift(model: LatencyModel, math: str, device: str, donor: str, fits: Sequence[Calibration]) -> NDArray[np.float64]:
    """How the device's constants differ from the donor's on the kinds of this one's class that both have."""
    own = model.alike(math)
    if not own:
        return np.zeros(len(model.names))
    fits = [fit for fit in fits if fit.math != math and model.alike(fit.math) == own and tells(model, fit)]
    kinds = [{fit.math for fit in fits if fit.device == name} for name in (device, donor)]
    moves = [
        _mean(model, (f for f in fits if f.device == device and f.math == kind))
        - _mean(model, (f for f in fits if f.device == donor and f.math == kind))
        for kind in sorted(kinds[0] & kinds[1])
    ]
    return np.asarray(np.mean(moves, axis=0)) if moves else np.zeros(len(model.names))


def _weight(gpu: Gpu | Cpu, donor: str) -> float:
    """How much a donor counts; a what-if's peaks leave its SMs those of the catalogue's board."""
    known = _known(donor, user_folder())
    if known is None or not isinstance(gpu, Gpu):
        return 1.0
    weight = SAME_MEMORY_WEIGHT if known.memory_kind == gpu.memory_kind != "" else 1.0
    board = _known(gpu.name, user_folder()) or gpu
    return weight * (SAME_SM_WEIGHT if _same_sm(board, known) else 1.0)


def _same_sm(one: Gpu, other: Gpu) -> bool:
    """Whether two GPUs are made in one process of SMs that multiply alike in a clock, in 16 bits."""
    rates = [np.fmax(gpu.peak_flops.bf16, gpu.peak_flops.fp16) / (gpu.sm_count * gpu.clock_hz) for gpu in (one, other)]
    return bool(one.process_m == other.process_m and abs(rates[0] / rates[1] - 1.0) < SAME_SM)


@lru_cache(maxsize=64)
def _known(device: str, users: Path) -> Gpu | None:  # noqa: ARG001
    """A GPU of the catalogue, None of one that is not; read once for each folder of a user's devices."""
    paths = files("gpu").get(device)
    found = read(paths[0], "gpu") if paths else None
    return found if isinstance(found, Gpu) else None
