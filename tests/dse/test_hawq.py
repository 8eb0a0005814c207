"""HAWQ-V3's published inputs and its nine ResNet-18 allocations: Yao et al., arXiv 2011.10680."""

import json
from pathlib import Path

import numpy as np
import pytest

from dse.allocate import solve

DATA = Path(__file__).parents[3] / "shared" / "data" / "hawq_resnet18_ilp.json"

WIDTHS = np.array([4, 8])


@pytest.fixture(scope="module")
def published():
    if not DATA.is_file():
        pytest.skip("the published inputs are not beside this checkout")
    return json.loads(DATA.read_text())


def costs_of(resnet18):
    size = np.outer(resnet18["parameters"], WIDTHS / 8)
    bops = np.outer(resnet18["bops"], [1 / 64, 1 / 16])
    latency = np.column_stack([resnet18["latency_int4"], resnet18["latency_int8"]])
    return {"modelsize": size, "bops": bops, "latency": latency}


@pytest.mark.parametrize("cost", ["modelsize", "bops", "latency"])
@pytest.mark.parametrize("fraction", [0.75, 0.5, 0.25])
def test_published_allocation(published, cost, fraction):
    resnet18 = published["resnet18"]
    perturbation = np.column_stack([resnet18["delta_weights_4bit_square"], resnet18["delta_weights_8bit_square"]])
    loss = np.array(resnet18["Hutchinson_trace"])[:, None] * perturbation
    costs = costs_of(resnet18)
    low, high = costs[cost].sum(axis=0)
    plan = solve(loss, costs, {cost: low + fraction * (high - low)}, ties=resnet18["equal_pairs"])
    assert WIDTHS[plan.choice].tolist() == resnet18["published_bit_configs"][f"{cost}_{fraction}"]
    assert plan.proven


@pytest.mark.parametrize(
    ("cost", "gain", "size", "bops", "latency"),
    [
        ("modelsize", -1.233207, 7.2656, 89.715, 4.8907),
        ("bops", -1.092024, 5.9902, 65.028, 4.2338),
        ("latency", -1.105039, 6.5625, 68.039, 4.2201),
    ],
)
def test_figures_of_the_notebooks_optima(published, cost, gain, size, bops, latency):
    """Half way between int4 and int8: the notebook's objective sums what its 8-bit layers lose less than at 4 bits."""
    resnet18 = published["resnet18"]
    perturbation = np.column_stack([resnet18["delta_weights_4bit_square"], resnet18["delta_weights_8bit_square"]])
    loss = np.array(resnet18["Hutchinson_trace"])[:, None] * perturbation
    costs = costs_of(resnet18)
    low, high = costs[cost].sum(axis=0)
    plan = solve(loss, costs, {cost: (low + high) / 2}, ties=resnet18["equal_pairs"])
    assert plan.objective - loss[:, 0].sum() == pytest.approx(gain, abs=1e-6)
    found = [plan.totals[name] for name in ("modelsize", "bops", "latency")]
    assert found == pytest.approx([size, bops, latency], rel=2e-5)
