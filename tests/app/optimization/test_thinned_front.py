"""The front that a figure draws: fewer points than there are, and no design below them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.optimization.result import FRONT_POINTS, _thinned


@given(st.integers(0, 2**32 - 1), st.integers(1, 8 * FRONT_POINTS), st.integers(1, 20))
def test_no_design_lies_below_the_steps_of_a_thinned_front(seed: int, count: int, designs: int) -> None:
    draw = np.random.default_rng(seed)
    points = np.stack([np.cumsum(draw.uniform(1, 9, count)), np.cumsum(draw.uniform(1, 9, count))[::-1]], axis=1)
    own = draw.integers(0, count, designs)
    costs = points[own, 0] + np.where(np.arange(designs) % 2, draw.uniform(0, 1, designs), 0.0)
    kept = _thinned(points, costs.tolist())
    steps = kept[np.searchsorted(kept[:, 0], costs, side="right") - 1, 1]
    assert (steps <= points[own, 1]).all()
    assert kept[[0, -1]].tolist() == points[[0, -1]].tolist()
    assert len(kept) <= min(count, FRONT_POINTS + 1 + 2 * designs)
