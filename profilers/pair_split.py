"""Hold rows out by (n, k) pair: m and m + 1 of one pair are neighbours, and a split by row flatters a model."""

import hashlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from profilers.gemm_rows import check

TEST_SHARE = 0.30
"""Share of pairs that no fit sees, of every device, kind and backend alike."""

FOLDS = 4
"""Parts of the other pairs, each predicted by a model grown on the rest: what intervals are calibrated on."""


def place(rows: pd.DataFrame) -> NDArray[np.float64]:
    """A number within [0, 1) for each row that depends on its pair alone."""
    pairs = rows[["n", "k"]].drop_duplicates()
    places = {(n, k): _place(n, k) for n, k in pairs.itertuples(index=False)}
    return np.array([places[pair] for pair in rows[["n", "k"]].itertuples(index=False, name=None)])


def held_out(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows are of test pairs."""
    return place(rows) < TEST_SHARE


def of_test_pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of test pairs; ValueError where there are none."""
    kept = rows[held_out(check(rows))]
    if not len(kept):
        raise ValueError(f"none of the {len(rows)} rows is of a held-out (n, k) pair")
    return kept


def fold(rows: pd.DataFrame) -> NDArray[np.int64]:
    """The fold of each row of the other pairs."""
    return np.floor((place(rows) - TEST_SHARE) / (1.0 - TEST_SHARE) * FOLDS).astype(np.int64)


def _place(n: float, k: float) -> float:
    digest = hashlib.sha256(f"{int(n)}x{int(k)}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
