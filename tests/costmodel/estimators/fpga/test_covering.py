"""Which layers leave for the rest to fit, against all subsets."""

from itertools import chain, combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from costmodel.estimators.fpga.covering import covering


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 9)), min_size=1, max_size=7), st.integers(0, 60))
def test_the_cheapest_layers_that_save_enough_leave(layers: list[tuple[int, int]], over: int) -> None:
    saved, more = np.array(layers, dtype=np.float64).T
    found = covering(saved, more, over - 0.5)
    every = range(len(layers))
    subsets = chain.from_iterable(combinations(every, size) for size in range(len(layers) + 1))
    costs = [more[list(some)].sum() for some in subsets if saved[list(some)].sum() >= np.ceil(over - 0.5)]
    assert sorted(set(found.tolist())) == found.tolist()
    if costs:
        assert saved[found].sum() >= np.ceil(over - 0.5)
        assert more[found].sum() == min(costs)
    else:
        assert found.tolist() == list(every)


def test_a_network_far_larger_than_its_device_is_weighed_by_what_stays() -> None:
    """Ten million blocks over a device of 5,000: nothing as long as the former is made."""
    saved = np.full(200, 60_000.0)
    saved[:10] = 400.0
    found = covering(saved, np.arange(200.0, 0.0, -1.0), saved.sum() - 5_000)
    assert found.tolist() == list(range(10, 200))
