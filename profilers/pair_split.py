"""Hold rows out by what a network's layer is: a product's (n, k) pair, an attention's heads, head size and window.

Rows of one pair or configuration are neighbours, and a split by row flatters a model.
"""

import hashlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from profilers.measured_rows import check, of
from profilers.split_rows import split

TEST_SHARE = 0.30
"""Share of pairs that no fit sees, of every device, kind and backend alike."""

FOLDS = 4
"""Parts of the other pairs, each predicted by a model grown on the rest: what intervals are calibrated on."""


def place(rows: pd.DataFrame) -> NDArray[np.float64]:
    """A number within [0, 1) for each row that depends on its pair or configuration alone."""
    keys = rows[list(of(rows).apart)]
    places = {key: _place(key) for key in keys.drop_duplicates().itertuples(index=False, name=None)}
    return np.array([places[key] for key in keys.itertuples(index=False, name=None)])


def count(rows: pd.DataFrame) -> int:
    """How many different pairs or configurations there are."""
    return len(rows[list(of(rows).apart)].drop_duplicates())


def held_out(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows are of test pairs."""
    return place(rows) < TEST_SHARE


def of_test_pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of test pairs; ValueError where there are none."""
    parts = split(rows)
    kept = [part.index[held_out(check(part))] for part in parts]
    if not sum(map(len, kept)):
        raise ValueError(f"none of the {len(rows)} rows is of a held-out ({', '.join(of(parts[0]).apart)})")
    return rows.loc[np.sort(np.concatenate(kept))]


def fold(rows: pd.DataFrame) -> NDArray[np.int64]:
    """The fold of each row of the other pairs."""
    return np.floor((place(rows) - TEST_SHARE) / (1.0 - TEST_SHARE) * FOLDS).astype(np.int64)


def _place(key: tuple[float, ...]) -> float:
    digest = hashlib.sha256("x".join(str(int(value)) for value in key).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
