"""What calibrations from few rows hold: python tests/benchmarks/few_rows.py GEMM.parquet [ATTENTION.parquet].

Each GPU of the tables is left out in turn; SEEDS draws of 2, 5, 10 and 30 rows of a kind, of pairs that are not held
out, calibrate it from the other GPUs' fits, and held-out pairs are predicted. Before that, 30 and 120 rows of
devices that have fits.
"""

import os
import sys
from functools import partial
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
import pandas as pd

from costmodel import hardware
from costmodel.estimators.calibrated import predict
from costmodel.estimators.transfer import donors
from costmodel.hardware import calibration
from costmodel.hardware.calibration import shipped
from profilers import calibration_fit, pair_split, scores
from profilers.calibration_fit import Labels, adapt
from profilers.fit import calibrate, validate
from profilers.measured_rows import check, of

COUNTS, SEEDS, MOST = (2, 5, 10, 30), 4, 1000

BESIDE = (
    ("a100_sxm", "bfloat16", "sglang", False),
    ("l40s", "bfloat16", "vllm", False),
    ("h100_sxm", "bfloat16", "vllm", True),
    ("h100_sxm", "fp8", "vllm", True),
)
"""Rows of a device that has fits, and whether their backend's are left out."""


def main(path: str) -> None:
    """Print coverage and error of every kind by its number of rows, beside the spec sheet alone."""
    rows = check(pd.read_parquet(path))
    known = shipped(of(rows).model.name)
    print(f"{path}: coverage % (least of {SEEDS} draws), MAPE % (worst), mean width %; 0 rows is the spec sheet alone")
    every: dict[int, list[float]] = {}
    for (gpu, math, backend), part in rows.groupby(["gpu", "math", "backend"]):
        device, kind, model = hardware.gpu(str(gpu)), of(part).model.named(str(math)), of(part).model
        others = [fit for fit in known if fit.device != gpu]
        if not any(fit.device == gpu for fit in known) or not donors(model, kind.math, device, others, str(backend)):
            continue
        test, seen = part[pair_split.held_out(part)], part[~pair_split.held_out(part)]
        test = test.sample(min(MOST, len(test)), random_state=0)
        line = [figures(test, kind, device, str(backend), [others])]
        for count in COUNTS:
            draws = [seen.sample(count, random_state=200 + seed) for seed in range(SEEDS)]
            fits = [[adapt(few.reset_index(drop=True), kind, device, others, Labels())] for few in draws]
            line.append(figures(test, kind, device, str(backend), fits))
        for count, (held, *_) in zip((0, *COUNTS), line, strict=True):
            every.setdefault(count, []).append(held)
        shown = ("{:3.0f} ({:3.0f}) {:3.0f} ({:3.0f}) {:4.0f}".format(*x) for x in line)
        print(f"{gpu:9s} {math:20s} {backend:7s}", " | ".join(shown), flush=True)
    print("mean, least:", {n: (round(float(np.mean(x))), round(min(x))) for n, x in every.items()})


def beside(path: str) -> None:
    """Print errors before and after few rows of a device that has fits, a backend's left out where another has them."""
    gemm, place = pd.read_parquet(path), pair_split._place
    for gpu, math, backend, hidden in BESIDE:
        rows = gemm[(gemm.gpu == gpu) & (gemm["math"] == math) & (gemm.backend == backend)].assign(backend="own")
        rows = rows[pair_split.held_out(rows)].reset_index(drop=True)
        draw = np.floor(pair_split.place(rows) * 1e6) % 3 == 0
        test = rows[~draw].sample(min(3 * MOST, int(np.sum(~draw))), random_state=0)
        with (
            mock.patch.object(pair_split, "_place", lambda key: place(tuple(x + 7 for x in key))),  # folds of all rows
            mock.patch.object(calibration, "_of", partial(_without, calibration._of, backend if hidden else None)),
        ):
            for count in (0, 30, 120):
                line = [_beside(rows[draw], test, count, 2 + seed) for seed in range(3 if count else 1)]
                print(gpu, math, backend, count, *("{:.1%} ({:.0%})".format(*x) for x in line), flush=True)


def _without(found, hidden, *given, **named):
    return [fit for fit in found(*given, **named) if fit.backend != hidden]


def _beside(rows: pd.DataFrame, test: pd.DataFrame, count: int, seed: int) -> tuple[float, float]:
    """Mean error and coverage of the test rows once so many rows are drawn and calibrated."""
    with TemporaryDirectory() as home, mock.patch.dict(os.environ, BITFRONT_HOME=home):
        if count:
            calibrate(rows.sample(count, random_state=seed))
        found = scores.score(validate(test))
    return found["mape"], found["coverage"]


def figures(test, kind, device, backend, fits) -> tuple[float, ...]:
    """Mean and least coverage, mean and worst error and the mean width over several calibrations, in %."""
    found = []
    for own in fits:
        p = predict(of(test).model, of(test).sizes(test), kind, device, backend=backend, fits=own)
        found.append(scores.score(test.assign(predicted_s=p.latency_s, low_s=p.low_s, high_s=p.high_s)))
    held, error, width = (100 * np.array([f[name] for f in found]) for name in ("coverage", "mape", "width"))
    return float(held.mean()), float(held.min()), float(error.mean()), float(error.max()), float(width.mean())


if __name__ == "__main__":
    beside(sys.argv[1])
    calibration_fit.neighbours = lambda *_: []  # a device left out has no other backends
    for file in sys.argv[1:]:
        main(file)
