"""Fit the site model's constants on synthesised products and dot products, and judge them on the held-out designs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.site_parts import parts
from costmodel.formats import get
from costmodel.record import stack

if TYPE_CHECKING:
    import pandas as pd

MODELLED = ("product", "dot")
_ROUNDS = 40
_SMALL_ERROR = 0.02
"""Relative errors below this are not weighted up further."""
_RIDGE = 1e-3
"""Pull of constants towards 0 in units of a relative error, for those that few designs tell apart."""


def fit(table: "pd.DataFrame") -> dict[str, float]:
    """Constants that minimise the mean absolute relative error of the rows (see `rows`) that are not held out.

    Iteratively reweighted least squares (Holland and Welsch, Robust regression using iteratively reweighted
    least-squares, 1977, doi 10.1080/03610927708827533).
    """
    train = modelled(table)
    train = train[~train["held_out"]]
    names, counted = regressors(train)
    measured = train["sites"].to_numpy(np.float64)
    relative = counted / measured[:, None]
    weights, found = np.ones(len(train)), np.zeros(len(names))
    for _ in range(_ROUNDS):
        rows = np.vstack([relative * weights[:, None], _RIDGE * np.eye(len(names))])
        found = np.linalg.lstsq(rows, np.concatenate([weights, np.zeros(len(names))]), rcond=None)[0]
        weights = 1 / np.sqrt(np.maximum(np.abs(relative @ found - 1), _SMALL_ERROR))
    return dict(zip(names, found.tolist(), strict=True))


def modelled(table: "pd.DataFrame") -> "pd.DataFrame":
    """The rows of units that the model covers."""
    return table[table["unit"].isin(MODELLED)].reset_index(drop=True)


def regressors(table: "pd.DataFrame") -> tuple[list[str], NDArray[np.float64]]:
    """The names of the model's parts and their counts [rows, parts]."""
    a, b = (stack([get(name) for name in table[column]]) for column in ("a_format", "b_format"))
    n, acc_bits = (table[column].to_numpy(np.float64) for column in ("n", "acc_bits"))
    found = parts(a, b, n=n, acc_bits=acc_bits)
    return list(found), np.stack([np.broadcast_to(part, n.shape) for part in found.values()], axis=1)


def errors(table: "pd.DataFrame", constants: Mapping[str, float]) -> dict[str, float]:
    """Mean and 90th percentile of the absolute relative error, by unit and kind of operands, on held-out rows alone."""
    test = modelled(table)
    test = test[test["held_out"]].reset_index(drop=True)
    names, counted = regressors(test)
    relative = np.abs(counted @ np.array([constants[name] for name in names]) / test["sites"].to_numpy() - 1)
    found: dict[str, float] = {"rows": float(len(test)), "mape": float(relative.mean())}
    groups = test["unit"] + "_" + kinds(test)
    for group in sorted(set(groups)):
        chosen = relative[(groups == group).to_numpy()]
        found |= {f"{group}_rows": float(len(chosen)), f"{group}_mape": float(chosen.mean())}
        found[f"{group}_p90"] = float(np.quantile(chosen, 0.9))
    return found


def kinds(table: "pd.DataFrame") -> "pd.Series[str]":
    """integer, minifloat or mixed, by the operands of each row."""
    import pandas as pd

    floats = [
        sum(get(name).is_float for name in pair) for pair in zip(table["a_format"], table["b_format"], strict=True)
    ]
    return pd.Series([("integer", "mixed", "minifloat")[count] for count in floats], index=table.index)
