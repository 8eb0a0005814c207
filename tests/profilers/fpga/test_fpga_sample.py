from collections import Counter

import pytest

from profilers.fpga.sample import sample
from profilers.fpga.sample_others import UNITS, sample_others
from profilers.fpga.verilog import verilog


@pytest.mark.parametrize("draw", [sample, sample_others])
def test_samples_are_distinct_valid_and_the_same_for_a_seed(draw):
    found = draw(120, 3)
    assert len(set(found)) == 120
    assert found == draw(120, 3)
    assert found[:30] == draw(30, 3)
    assert found != draw(120, 4)
    for design in found:
        assert verilog(design)
    assert draw(0, 1) == []
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        draw(-1, 0)


def test_kinds_are_drawn_evenly():
    units = Counter(design.unit for design in sample(400, 0))
    assert 140 < units["product"] < 260
    others = Counter(design.unit for design in sample_others(270, 0))
    assert set(others) == set(UNITS)
    assert min(others.values()) > 8
