"""Losses in the context of a plan."""

import numpy as np
import pytest

from costmodel.precision import precision
from dse.sensitivity import apply, mean_loss, observe
from dse.sensitivity.context import halfway, in_context
from dse.sensitivity.replay import CACHE_BYTES
from dse.sensitivity.trials import losses

OPTIONS = tuple(precision(f"w{bits}a8") for bits in (2, 4, 8))
NAMES = ("stem", "block1.conv1", "block2.shortcut", "head")


@pytest.fixture(scope="module")
def problem(trained, data):
    few = tuple(part[:80] for part in data["calibration"])
    plan = dict(zip(NAMES, (OPTIONS[1], OPTIONS[0], OPTIONS[0], OPTIONS[2]), strict=True))
    return few, plan, observe(trained, NAMES, few[0])


def test_each_entry_is_the_applied_plan_with_one_layer_changed(trained, problem):
    few, plan, ranges = problem
    found = in_context(trained, few, plan, OPTIONS, ranges, batch_size=50)
    base = mean_loss(apply(trained, plan, ranges), few, batch_size=50)
    for row, name in enumerate(NAMES):
        for column, option in enumerate(OPTIONS):
            changed = mean_loss(apply(trained, plan | {name: option}, ranges), few, batch_size=50)
            assert found[row, column] == changed - base
        assert found[row, OPTIONS.index(plan[name])] == 0


def test_replays_around_a_plan_equal_whole_passes(trained, problem):
    few, plan, ranges = problem
    trials = [{name: option} for name in NAMES for option in OPTIONS]
    cached, whole = (losses(trained, few, trials, ranges, around=plan, cache_bytes=c) for c in (CACHE_BYTES, 0))
    np.testing.assert_array_equal(cached, whole)


def test_halfway_is_at_least_zero_and_orders_by_the_mean():
    alone, context = np.array([[4.0, 2.0, -0.1]]), np.array([[-3.0, 0.0, 1.0]])
    np.testing.assert_allclose(halfway(alone, context), [[0.0, 0.5, 0.0]])
