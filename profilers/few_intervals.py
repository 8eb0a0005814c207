"""The interval of a calibration from few rows: from what a spec sheet alone errs to what many rows would.

Both were measured on the devices that lend constants, each left out in turn; how far this device is from them, its own
rows tell by folds. Chosen on products and attention of an A100, an H100 and an L40S, each left out, by pairs that the
rows did not see (tests/benchmarks/few_rows.py): 90 % of them are to be held from 2 rows on.
"""

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costmodel.estimators import uncertainty
from costmodel.hardware import Cpu, Gpu
from costmodel.hardware.calibration import Calibration
from profilers import pair_split
from profilers.alone_fit import FOLDS, OWN_ROWS, stated_errors
from profilers.constants_fit import fit_constants
from profilers.measured_rows import of

Floats = NDArray[np.float64]

UNTOLD_ROWS = 5
"""Rows up to which errors were as large as by the spec sheet alone, for some devices; from OWN_ROWS on rows decide."""

LENT_ROWS = 10
"""How many rows' worth the lending devices' errors count beside own ones. Of 5, 10, 20 and 40 the first two held 89 %
and more of every device from two rows on, 10 in narrower intervals from 10 rows on."""

SHARE = uncertainty.COVERAGE

LEAST = 1e-3
"""The narrowest log offset that is taken for one: nothing is known to a thousandth."""


def intervals(
    rows: pd.DataFrame, kind: Any, gpu: Gpu | Cpu, prior: Any, givers: Sequence[Calibration],
    others: Sequence[Calibration] = (),
) -> tuple[dict[str, Any], dict[str, float]]:  # fmt: skip
    """The `few` and `spec` offsets by stratum of a fit of these rows that began at `prior`, and the errors by folds.

    `others` are what the spec sheet's errors are taken of where they are more than the givers.
    """
    edges = list(givers[0].intervals["edges_s"])
    count = 2 * (len(edges) + 1)
    spec = np.max([_left_out(fit, count, pooled=bool(others)) for fit in others or givers], axis=0)
    share = own_share(len(rows))
    ends = {
        side: share * sign * np.max([_outward(fit, count, "few", side, sign) for fit in givers], axis=0)
        + (1.0 - share) * sign * spec
        for side, sign in (("low", -1.0), ("high", 1.0))
    }
    error, strata = by_folds(rows, kind, gpu, prior, edges)
    factor = scale(np.maximum(error / ends["high"][strata], error / ends["low"][strata]))
    found: dict[str, Any] = {"edges_s": edges}
    stated: dict[str, float] = {"rows": len(rows)}
    low, high = (factor * ends[side][strata] for side in ("low", "high"))
    for stage in ("analytic", "residual"):
        stated |= stated_errors(rows, error, low, high, stage)
    for side, sign in (("low", -1.0), ("high", 1.0)):
        found[f"few_{side}"] = [round(float(x), 4) for x in factor * ends[side]]
        found[f"spec_{side}"] = [round(float(x), 4) for x in sign * spec]
    for stage in ("few", "spec"):
        found[f"{stage}_correlation"] = max(fit.intervals[f"{s}_correlation"] for fit in givers for s in ("few", stage))
    return found, stated


def own_share(rows: int) -> float:
    """How far so many rows tell of a device's errors themselves: 0 up to UNTOLD_ROWS, 1 from OWN_ROWS on."""
    return float(np.clip(np.log(rows / UNTOLD_ROWS) / np.log(OWN_ROWS / UNTOLD_ROWS), 0.0, 1.0))


def _left_out(fit: Calibration, count: int, *, pooled: bool) -> Floats:
    """The log factor either way by stratum by which a device was off when left out, as predictions by spec have it."""
    off = np.maximum(_outward(fit, count, "spec", "low", -1.0), _outward(fit, count, "spec", "high", 1.0))
    limits = fit.intervals.get("spec_pooled") if pooled else None
    return np.asarray(np.clip(off, *limits) if limits else off)


def _outward(fit: Calibration, count: int, stage: str, side: str, sign: float) -> Floats:
    """One side's offsets by stratum, the widest of all for each of `count` where the fit has other strata."""
    offsets = np.maximum(sign * np.asarray(fit.intervals[f"{stage}_{side}"], dtype=np.float64), LEAST)
    return offsets if len(offsets) == count else np.full(count, offsets.max())


def by_folds(
    rows: pd.DataFrame, kind: Any, gpu: Gpu | Cpu, prior: Any, edges: Sequence[float]
) -> tuple[Floats, NDArray[np.intp]]:
    """Of each row the log error by a fit that did not see its pair, the prior where that leaves none; its stratum."""
    table = of(rows)
    part = np.floor(pair_split.place(rows) * FOLDS)
    error, strata = np.empty(len(rows)), np.empty(len(rows), dtype=np.intp)
    for fold in np.unique(part):
        out = part == fold
        constants = prior
        if not out.all():
            constants = table.model.constants(**fit_constants(rows[~out], kind, gpu, prior, starts=1, firm=True))
        found = table.model.terms(*table.sizes(rows[out]), kind, gpu, constants)
        error[out] = np.log(rows.latency_s.to_numpy()[out] / found.latency_s)
        strata[out] = uncertainty.regime(found.latency_s, found.compute_s > found.memory_s, edges)
    return error, strata


def scale(errors: Floats) -> float:
    """By what intervals are to be scaled that these errors, over their ends, tell of: SHARE of them and of LENT_ROWS.

    The latter are those of a normal error whose interval is right: its size at evenly spaced shares.
    """
    normal = NormalDist()
    sizes = [normal.inv_cdf(0.5 + 0.5 * (i + 0.5) / LENT_ROWS) for i in range(LENT_ROWS)]
    lent = np.array(sizes) / normal.inv_cdf(0.5 + 0.5 * SHARE)
    ordered = np.sort(np.concatenate([lent, errors]))
    return float(ordered[min(int(np.ceil((len(ordered) + 1) * SHARE)), len(ordered)) - 1])
