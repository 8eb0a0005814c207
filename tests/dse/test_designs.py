import numpy as np
import pytest
import spaces

from dse import designs
from dse.chunk import blocks

FIELD = "device.memory_bytes_per_s"
NAMES = ("latency_s", "weight_bytes", "loss", "energy_j")


@pytest.mark.parametrize("latency", ["roofline", "estimate"])
def test_equal_the_grid(latency):
    space = spaces.small(
        latency=latency, objectives=["latency_s"], constraints=[], metrics=list(NAMES[1:]), **{FIELD: [2e11, 9e11]}
    )
    grid = np.concatenate([e.columns for e in blocks(space, 0, space.size)])
    positions = designs.random_positions(space, 60, seed=1)
    found = designs.metrics(space, positions, NAMES)
    index = np.ravel_multi_index(tuple(positions[axis.name] for axis in space.axes), space.shape)
    for i, name in enumerate(NAMES):
        np.testing.assert_allclose(found[name], grid[index, i], rtol=1e-12)


def test_an_estimate_as_swept_by_the_roofline_equals_the_grid():
    space = spaces.small(constraints=[], objectives=["latency_s"], metrics=["energy_j", "examples_per_s"])
    grid = np.concatenate([e.columns for e in blocks(space, 0, space.size)])
    for index in np.flatnonzero(np.isfinite(grid[:, 0]))[::30].tolist():
        told = designs.as_swept(space, designs.estimate_of(space, index))
        assert [told[name] for name in space.columns] == pytest.approx(grid[index, : len(told)], rel=1e-12)
    estimated = spaces.small(latency="estimate")
    assert designs.as_swept(estimated, designs.estimate_of(estimated, 0)) == {}


def test_fields_take_any_value():
    space = spaces.small(**{FIELD: [2e11, 9e11]})
    rates = np.array([2e11, 3e11, 9e11, 1e15])
    found = designs.metrics(space, {"device": 1}, ("latency_s",), {FIELD: rates})["latency_s"]
    assert (np.diff(found) < 0).all()
    ends = designs.metrics(space, {"device": 1, FIELD: [0, 1]}, ("latency_s",))["latency_s"]
    assert found[[0, 2]].tolist() == ends.tolist()
    clocks = designs.metrics(space, {"device": 1}, ("latency_s",), {"device.clock_hz": [1e9, 2e9]})["latency_s"]
    assert clocks[0] == clocks[1]


def test_the_full_estimate_of_a_design():
    space = spaces.small(latency="estimate", objectives=["latency_s"], constraints=[], **{FIELD: [2e11, 9e11]})
    grid = np.concatenate([e.columns for e in blocks(space, 0, space.size)])
    for index in np.flatnonzero(np.isfinite(grid[:, 0]))[::40].tolist():
        found = designs.estimate_of(space, index)
        assert found.totals["latency_s"] == pytest.approx(grid[index, 0], rel=1e-12)
        assert found.device.name == space.design(index)["device"]
        assert found.totals["latency_low_s"] <= found.totals["latency_s"] <= found.totals["latency_high_s"]
