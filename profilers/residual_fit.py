"""Grow the residual model of one kind of work on one device: the log error, and how large it usually is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costmodel.estimators.boosted import ObliviousTrees, pack, unpack
from costmodel.estimators.calibrated import observed
from costmodel.hardware import Cpu, Gpu
from costmodel.hardware.calibration import Calibration
from profilers import measured_rows, pair_split
from profilers.boosting import Growth, grow

Floats = NDArray[np.float64]

SMALL = Growth(trees=400, depth=6)
SMALL_ROWS = 6000
"""Rows below which the smaller ensemble does as well."""

SPREAD = Growth(trees=100, depth=4, rate=0.1, ridge=50.0, huber=1.0)
LEAST_ERROR = 0.01
"""Log error that is added before taking a spread's logarithm: a lucky row says little."""


CROSSED_ROWS = 2000
"""Rows below which a spread that saw a row's own error is that row's rather than its like's: intervals go by one that
did not."""


@dataclass(frozen=True)
class Residual:
    """The stored arrays, and of each row the log error left by a model that did not see its pair, and its spread.

    The spread, below CROSSED_ROWS, is by a model that did not see its pair either.
    """

    arrays: Mapping[str, Mapping[str, NDArray[np.generic]]]
    left: Floats
    spread: Floats


def seen(rows: pd.DataFrame, kind: Any, gpu: Gpu | Cpu, fits: Mapping[str, Calibration]) -> tuple[Floats, Floats]:
    """Features [F, N] and log(measured / analytic) of rows of several backends."""
    table, features, error = measured_rows.of(rows), None, np.empty(len(rows))
    for backend, fit in fits.items():
        at = np.flatnonzero(rows.backend.to_numpy() == backend)
        sizes = table.sizes(rows.iloc[at])
        parts = table.model.terms(*sizes, kind, gpu, table.model.constants(**fit.constants))
        columns = observed(table.model, sizes, gpu, parts, fit)
        features = np.empty((len(columns), len(rows))) if features is None else features
        features[:, at] = columns
        error[at] = np.log(rows.latency_s.to_numpy()[at] / parts.latency_s)
    assert features is not None
    return features, error


def grow_residual(rows: pd.DataFrame, features: Floats, error: Floats) -> Residual:
    """Grow on all rows, and on all folds but one for the errors that are left on the pairs of that one."""
    how = measured_rows.of(rows).growth if len(rows) >= SMALL_ROWS else SMALL
    pairs, fold = pair_split.place(rows), pair_split.fold(rows)
    left = np.empty(len(rows))
    for part in np.unique(fold):
        out = fold == part
        trees = grow(features[:, ~out], error[~out], pairs[~out], replace(how, seed=1 + int(part)))
        left[out] = error[out] - trees.predict(features[:, out])
    bias = _stored(grow(features, error, pairs, how))
    target = np.log(np.abs(left) + LEAST_ERROR)
    spread = _spread(features, target, pairs)
    told = unpack(spread).predict(features)
    if len(rows) < CROSSED_ROWS:
        for part in np.unique(fold):
            out = fold == part
            told[out] = unpack(_spread(features[:, ~out], target[~out], pairs[~out])).predict(features[:, out])
    return Residual({"bias": bias, "spread": spread}, left, np.exp(told))


def _spread(features: Floats, target: Floats, pairs: Floats) -> dict[str, NDArray[np.generic]]:
    middle = float(target.mean())
    grown = grow(features, target - middle, pairs, SPREAD)
    return _stored(replace(grown, values=grown.values + middle / len(grown.values)))


def _stored(trees: ObliviousTrees) -> dict[str, NDArray[np.generic]]:
    return pack(trees)
