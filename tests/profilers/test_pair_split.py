"""The split by (n, k) pair."""

import numpy as np
import pandas as pd

from profilers import pair_split

PAIRS = pd.DataFrame([(n, k) for n in range(32, 2048, 32) for k in range(32, 2048, 32)], columns=["n", "k"]).astype(
    float
)


def test_shares_are_as_stated():
    assert abs(pair_split.held_out(PAIRS).mean() - pair_split.TEST_SHARE) < 0.02
    folds = pair_split.fold(PAIRS[~pair_split.held_out(PAIRS)])
    counts = np.bincount(folds, minlength=pair_split.FOLDS)
    assert len(counts) == pair_split.FOLDS
    assert counts.min() > 0.85 * counts.max()


def test_a_pair_is_wholly_on_one_side_whatever_surrounds_it():
    rows = pd.DataFrame(
        {"n": [4096.0, 64.0, 4096.0, 64.0], "k": [1024.0, 64.0, 1024.0, 64.0], "m": [1.0, 1.0, 2.0, 2.0]}
    )
    places = pair_split.place(rows)
    assert places[0] == places[2]
    assert places[1] == places[3]
    assert pair_split.place(rows.iloc[2:3])[0] == places[0]
    assert pair_split.place(rows.astype({"n": int, "k": int}))[0] == places[0]
