"""What no fit saw: rows of test pairs, or, of kinds whose rows are too few for any, what their fits state by folds."""

from typing import Any

import numpy as np
import pandas as pd

from costmodel.hardware.calibration import Calibration, calibrations
from profilers import scores
from profilers.measured_rows import check, of
from profilers.pair_split import held_out
from profilers.split_rows import split

BY_FOLDS = "all, by folds"
"""What stands for the regime of errors that fits state."""


def divided(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """The rows of test pairs, but of kinds whose fits saw all of theirs, and a record of scores.table of each of those.

    ValueError where there is neither.
    """
    kept, stated = list[Any](), dict[tuple[str, str, str], dict[str, Any]]()
    parts = [check(part) for part in split(rows)]
    for part in parts:
        test = held_out(part)
        for keys, at in _groups(part).items():
            fits = fitted_to_all(of(part).model.name, *map(str, keys))
            stated |= {(fit.device, fit.math, fit.backend): _record(fit) for fit in fits}
            kept += [] if fits else [part.index[at][test[at]]]
    if not stated and not sum(map(len, kept)):
        raise ValueError(f"none of the {len(rows)} rows is of a held-out ({', '.join(of(parts[0]).apart)})")
    return rows.loc[np.sort(np.concatenate(kept)) if kept else []], [record for _, record in sorted(stated.items())]


def fitted_to_all(model: str, gpu: str, math: str, backend: str) -> list[Calibration]:
    """The fits that predict a kind on a device, where all of them saw all rows that they were made from."""
    own = [fit for fit in calibrations(model, backend) if (fit.device, fit.math) == (gpu, math)]
    used = [fit for fit in own if fit.backend == backend] or own
    return used if all(fit.by_folds for fit in used) else []


def by_folds(rows: pd.DataFrame) -> list[str]:
    """The kinds of these rows whose fits saw all rows that they were made from."""
    groups = [(of(part).model.name, *map(str, keys)) for part in map(check, split(rows)) for keys in _groups(part)]
    return sorted({math for model, gpu, math, backend in groups if fitted_to_all(model, gpu, math, backend)})


def table_of(done: pd.DataFrame, stated: list[dict[str, Any]], *, regimes: bool = True) -> list[dict[str, Any]]:
    """The scores of predicted rows and those that fits state."""
    return (scores.table(done, regimes) if len(done) else []) + stated


def _groups(part: pd.DataFrame) -> dict[Any, Any]:
    return dict(part.groupby(list(scores.GROUP)).indices.items())


def _record(fit: Calibration) -> dict[str, Any]:
    error = fit.held_out_error
    figures = {name.removeprefix("residual_"): value for name, value in error.items() if name.startswith("residual_")}
    named = {"gpu": fit.device, "math": fit.math, "backend": fit.backend, "regime": BY_FOLDS, "how": fit.how}
    return named | {"rows": int(error["rows"])} | figures
