"""Fit a model's constants to measured rows: robust least squares on log latency, drawn towards a prior.

With thousands of rows the prior only settles what they leave open; with thirty it decides most (maximum a posteriori).
"""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import least_squares

from costmodel.estimators.latency_model import LatencyModel
from costmodel.hardware import Cpu, Gpu
from profilers import measured_rows

Floats = NDArray[np.float64]

MOST_ROWS = 6000
SCALE = 0.05
"""Log error from which a row's pull stops growing (soft L1)."""

PULL = 2.0
"""How many rows' worth the prior pulls a constant one SPREAD off: of 1, 2 and 3, the best for fits to 30 rows."""

REACH = 4.0
"""A fitted constant stays within exp(+-REACH) of the prior."""


def fit_constants(
    rows: pd.DataFrame, kind: Any, gpu: Gpu | Cpu, prior: Any = None, *, starts: int = 2, seed: int = 0,
    firm: bool = False,
) -> dict[str, float]:  # fmt: skip
    """Constants with the least robust squared log error on the rows (a sample of MOST_ROWS), rounded to 6 digits.

    The `prior`, the table's own if None, is where the fit starts and what it falls back to. Its pull is robust as the
    rows' is, so that rows may leave it far behind, unless it is `firm`: five rows of an L40S moved an A100's and an
    H100's constants so far that others of its rows were off by 208 % in the mean, in place of 17, and by 14 at most
    where it was.
    """
    table = measured_rows.of(rows)
    model, prior = table.model, table.prior if prior is None else prior
    names = table.free(kind, gpu)
    rows = rows.sample(min(len(rows), MOST_ROWS), random_state=seed)
    sizes = table.sizes(rows)
    measured = np.log(rows.latency_s.to_numpy())
    centre = np.log([max(getattr(prior, name), 1e-3) for name in names])
    pull = PULL * SCALE / np.array([table.spread[name] for name in names])

    def errors(logs: Floats) -> Floats:
        constants = dict(zip(names, np.exp(logs).tolist(), strict=True))
        predicted = model.terms(*sizes, kind, gpu, model.constants(**constants))
        return np.concatenate([np.log(predicted.latency_s) - measured, pull * (logs - centre)])

    low, high = centre - REACH, np.where(np.isin(names, model.shares), -1e-4, centre + REACH)
    rng = np.random.default_rng(seed)
    tries = [centre + (rng.normal(0.0, 0.3, len(names)) if i else 0.0) for i in range(starts)]
    loss = partial(_robust, len(rows)) if firm else "soft_l1"
    best = min((_descend(errors, x, low, high, loss) for x in tries), key=lambda found: found[0])[1]
    return {name: float(f"{value:.6g}") for name, value in zip(names, np.exp(best), strict=True)}


def complete(model: LatencyModel, constants: dict[str, float]) -> dict[str, float]:
    """All of the model's constants: those fitted, and the neutral values of the rest."""
    return asdict(model.constants(**constants))


def _robust(count: int, squares: Floats) -> Floats:
    """Soft L1 of the first `count` squared residuals, the rest as they are: values, first and second derivatives."""
    far = 1.0 + squares
    found = np.stack([2.0 * (np.sqrt(far) - 1.0), far**-0.5, -0.5 * far**-1.5])
    rest = squares[count:]
    return np.concatenate([found[:, :count], [rest, np.ones_like(rest), np.zeros_like(rest)]], axis=1)


def _descend(
    errors: Callable[[Floats], Floats], start: Floats, low: Floats, high: Floats, loss: Any
) -> tuple[float, Floats]:
    """Coarse steps first: the model has kinks at every tile and wave edge."""
    for step, most in ((0.02, 40), (0.004, 20)):
        inside = np.clip(start, low + 1e-6, high - 1e-6)
        found = least_squares(
            errors,
            inside,
            loss=loss,
            f_scale=SCALE,
            diff_step=np.full(len(start), step),
            max_nfev=most,
            bounds=(low, high),
        )
        start = found.x
    return float(found.cost), found.x
