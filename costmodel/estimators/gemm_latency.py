"""The latency of matrix products as well as it is known: calibrated, carried from other devices, or by spec sheet."""

from collections.abc import Sequence
from dataclasses import fields

from costmodel.estimators import calibrated, gemm_kind, gpu_gemm
from costmodel.estimators.gemm_constants import GemmConstants
from costmodel.estimators.gemm_features import features
from costmodel.estimators.gemm_kind import GemmKind
from costmodel.estimators.latency_model import LatencyModel
from costmodel.estimators.prediction import Prediction
from costmodel.hardware import Gpu
from costmodel.hardware.calibration import Calibration, calibrations
from costmodel.record import Real

OTHER_FAMILY = (-0.31, 1.38)
"""Log offsets around a family predicted by the constants of its nearest other one on the same device: the 5th and 95th
percentile of log(measured / predicted) over 16 such pairs of families, weighted alike (make bench-accuracy)."""

OTHER_SOFTWARE: dict[str, tuple[float, float]] = {"bfloat16": (-0.09, 0.09), "": (-0.48, 0.71)}
"""Log offsets of a backend from the others of its device: the 5th and 95th percentile of log(measured / predicted) of
each backend's rows by the other ones' fits, on pairs that fits saw, backends weighted alike (make bench-accuracy). The
library's product tells it of two backends on an H100, kernels that each writes itself of three in fp8."""

OTHER_KERNELS = (("h100_sxm", "int8_wo", "sglang"),)
"""Shipped fits (device, math, backend) of rows whose kernel is another than their math says: those rows quantise
activations to int8 too, by elementwise kernels of their own, and multiply on the int8 pipe (int8_scaled_mm in
ai-dynamo/aiconfigurator, collector/sglang/collect_gemm.py, d251c96), 48 of them above the peak of bf16. They tell of
such rows, as `validate` asks, and not of weights alone in int8, which are carried from other devices instead."""

GEMM = LatencyModel(
    name="gemm",
    sizes=("m", "n", "k"),
    terms=gpu_gemm.terms,
    features=features,
    named=gemm_kind.named,
    constants=GemmConstants,
    neutral=GemmConstants(**{f.name: 1e-3 if f.name == "quant_cycles" else 1.0 for f in fields(GemmConstants)}),
    shares=("compute_efficiency", "memory_efficiency", "wave_rounding"),
    nearest=gemm_kind.NEAREST,
    unalike=OTHER_FAMILY,
    library=("bfloat16",),
    cells={"m": (1.0, 4.0, 16.0, 128.0, 1024.0, 8192.0)},
    software=OTHER_SOFTWARE,
    siblings=gemm_kind.SIBLINGS,
    alike=gemm_kind.alike,
    other_kernels=OTHER_KERNELS,
)
"""`cells`: one row, and kernels for few, err by more than others of their latency. With one cell for a single row alone
five groups of folds held less than 85 % of their rows, with these none of 112 does.
`library`: keeping to one backend took bf16 from 15 to 20 % on an H100; pooling them took int8_wo, which each backend
writes itself, from 16 to 75 %."""


def answering(math: str, backend: str) -> tuple[Calibration, ...]:
    """The fits that tell of a kind of product whose formats are known, whatever its rows are called."""
    wrong = {(device, own, software) for device, own, software in OTHER_KERNELS if own == math}
    fits = calibrations("gemm", backend)
    return tuple(fit for fit in fits if fit.users or (fit.device, fit.math, fit.backend) not in wrong)


def predict(
    m: Real, n: Real, k: Real, kind: GemmKind, gpu: Gpu, *, backend: str = "", level: str = "auto",
    residual: bool = True, fits: Sequence[Calibration] | None = None,
) -> Prediction:  # fmt: skip
    """Predict (m, k) x (k, n) products of one kind on one device; the options are those of calibrated.predict."""
    fits = answering(str(kind.math), backend) if fits is None else fits
    return calibrated.predict(GEMM, (m, n, k), kind, gpu, backend=backend, level=level, residual=residual, fits=fits)


def borrowed(
    m: Real, n: Real, k: Real, b: Real, kind: GemmKind, gpu: Gpu, *, because: str,
    fits: Sequence[Calibration] | None = None,
) -> Prediction:  # fmt: skip
    """Predict `b` products in one launch of a kind that nobody measured, as calibrated.borrowed does; flat arrays."""
    fits = answering(str(kind.math), gpu.backend) if fits is None else fits
    return calibrated.borrowed(GEMM, (m, n, k), kind, gpu, because=because, fits=fits, b=b)
