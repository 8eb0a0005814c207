"""Fit each circuit's constants on synthesised designs, and judge them on the held-out ones."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.circuit_sites import NONE, catalog, circuit_parts
from costmodel.record import stack
from profilers.fpga.codes import get

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("integer", "mixed", "minifloat")
_ROUNDS = 40
_SMALL_ERROR = 0.02
"""Relative errors below this are not weighted up further."""
_RIDGE = 3e-3
"""Pull of constants towards 0 in units of a relative error, for those that few designs tell apart."""


def fit(table: "pd.DataFrame") -> dict[str, float]:
    """Constants of one circuit that minimise the mean absolute relative error of the rows that are not held out.

    Iteratively reweighted least squares (Holland and Welsch, Robust regression using iteratively reweighted
    least-squares, 1977, doi 10.1080/03610927708827533). A design that needs no site counts as one.
    """
    train = table[~table["held_out"]].reset_index(drop=True)
    names, counted = regressors(train)
    relative = counted / measured(train)[:, None]
    weights, found = np.ones(len(train)), np.zeros(len(names))
    for _ in range(_ROUNDS):
        rows = np.vstack([relative * weights[:, None], _RIDGE * np.eye(len(names))])
        found = np.linalg.lstsq(rows, np.concatenate([weights, np.zeros(len(names))]), rcond=None)[0]
        weights = 1 / np.sqrt(np.maximum(np.abs(relative @ found - 1), _SMALL_ERROR))
    return dict(zip(names, found.tolist(), strict=True))


def circuits(table: "pd.DataFrame") -> list[str]:
    """The circuits in a table that have a model; products and dot products first, on which others build."""
    found = set(table["unit"]) & set(catalog())
    first = [name for name in ("product", "dot") if name in found]
    return [*first, *sorted(found - set(first))]


def measured(table: "pd.DataFrame") -> NDArray[np.float64]:
    """Sites, at least 1."""
    return np.asarray(np.maximum(table["sites"].to_numpy(np.float64), 1.0))


def regressors(table: "pd.DataFrame") -> tuple[list[str], NDArray[np.float64]]:
    """The names of one circuit's parts and their counts [rows, parts]."""
    a, b, out = (
        stack([get(name) if name else NONE for name in table[column]])
        for column in ("a_format", "b_format", "out_format")
    )
    n, acc_bits = (table[column].to_numpy(np.float64) for column in ("n", "acc_bits"))
    found = circuit_parts(table["unit"].iloc[0], a=a, b=b, n=n, acc_bits=acc_bits, out=out)
    return list(found), np.stack([np.broadcast_to(part, n.shape) for part in found.values()], axis=1)


def predictions(table: "pd.DataFrame", constants: Mapping[str, float]) -> NDArray[np.float64]:
    """Sites of one circuit's rows."""
    names, counted = regressors(table)
    return np.asarray(np.maximum(counted @ np.array([constants[name] for name in names]), 1.0))


def errors(table: "pd.DataFrame", constants: Mapping[str, float]) -> dict[str, float]:
    """Figures of one circuit's held-out rows (`profilers.scores.figures`), and the mean and 90th percentile of the
    absolute relative error by operands."""
    from profilers.scores import figures

    test = table[table["held_out"]].reset_index(drop=True)
    if not len(test):
        return {}
    sites, predicted = measured(test), predictions(test, constants)
    relative = np.abs(predicted / sites - 1)
    told = {name: value for name, value in figures(sites, predicted).items() if np.isfinite(value)}
    found = {"rows": float(len(test)), **told}
    groups = kinds(test)
    for kind in KINDS if test["unit"].iloc[0] in ("product", "dot") else ():
        chosen = relative[(groups == kind).to_numpy()]
        if len(chosen):
            found |= {f"{kind}_rows": float(len(chosen)), f"{kind}_mape": float(chosen.mean())}
            found[f"{kind}_p90"] = float(np.quantile(chosen, 0.9))
    return found


def kinds(table: "pd.DataFrame") -> "pd.Series[str]":
    """integer, mixed or minifloat, by the operands of each row; absent formats and codebooks count as integers."""
    import pandas as pd

    pairs = zip(table["a_format"], table["b_format"], strict=True)
    floats = [[get(name).is_float for name in pair if name] for pair in pairs]
    names = [KINDS[2 if all(found) and found else 1 if any(found) else 0] for found in floats]
    return pd.Series(names, index=table.index)
