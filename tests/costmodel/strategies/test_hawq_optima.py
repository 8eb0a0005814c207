"""HAWQ-V3's optima weigh and multiply what the notebook's own tables of layers give."""

import pytest

from costmodel import zoo
from costmodel.strategies._mixed import bops, weight_bytes, weighted
from costmodel.strategies.hawq import ALLOCATIONS, ENDS_BITS, OUTSIDE, by_name
from costmodel.workload import Workload


@pytest.mark.parametrize(
    ("budget", "mib", "giga"),
    [("size0.5", 7.2656, 89.715), ("bops0.5", 5.9902, 65.028), ("latency0.5", 6.5625, 68.039)],
)
def test_an_optimum_of_resnet18_in_the_notebooks_units(budget, mib, giga):
    """The program of ILP.ipynb on its inputs, solved apart with CBC; it divides parameters by 2^20."""
    inside = tuple(op for op in weighted(zoo.build("resnet18")) if op.name not in OUTSIDE)
    net = Workload("resnet18", inside)
    bits = by_name(net, ALLOCATIONS[budget])
    assert weight_bytes(net, bits, ENDS_BITS) / 2**20 == pytest.approx(mib, rel=1e-4)
    assert bops(net, bits, ENDS_BITS) / 1024e6 == pytest.approx(giga, rel=1e-4)
