"""Sharpness around logits: the corner of the box is the worst, and it grows with the box."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dse.sensitivity.sharpness import cross_entropy, sharpness

seeds = st.integers(0, 1000)


def example(seed):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 3, (6, 5)), rng.integers(0, 5, 6), rng


@given(seeds, st.floats(1e-4, 0.5))
def test_no_point_of_the_box_is_worse_than_the_corner(seed, radius):
    z, right, rng = example(seed)
    loss = cross_entropy(z, right).mean()
    worst = loss + sharpness(z, right, radius=radius) / 100 * (1 + loss)
    for _ in range(20):
        inside = z + rng.uniform(-1, 1, z.shape) * radius * (np.abs(z) + 1)
        assert cross_entropy(inside, right).mean() <= worst + 1e-12


@given(seeds)
def test_it_grows_with_the_box_from_nothing(seed):
    z, right, _ = example(seed)
    found = [sharpness(z, right, radius=r) for r in (0.0, 1e-4, 1e-2, 1.0)]
    assert found[0] == 0
    assert found == sorted(found)


def test_loss_is_that_of_torch():
    z, right, _ = example(0)
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(z), torch.from_numpy(right), reduction="none")
    assert np.allclose(cross_entropy(z, right), expected.numpy())


def test_broken_logits_have_none_and_bad_shapes_are_one_line():
    assert np.isnan(sharpness([[np.nan, 0.0]], [0]))
    with pytest.raises(ValueError, match="logits \\[rows, classes\\]"):
        sharpness([1.0, 2.0], [0])
