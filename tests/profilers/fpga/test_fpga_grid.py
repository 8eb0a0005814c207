"""Designs of every unit for every pair: what cannot be is left out and told, and refused where nothing is left."""

import pytest

from profilers.fpga.grid import grid

PAIRS = [("int4", "int4"), ("binary", "binary")]


def test_units_that_do_not_take_a_pair_are_told():
    told = []
    found = grid(PAIRS, ["dot", "binary_dot"], skipped=told)
    assert [(design.unit, design.a_format) for design in found] == [("dot", "int4"), ("binary_dot", "binary")]
    assert [line.split(":")[0] for line in told] == ["dot of binary and binary", "binary_dot of int4 and int4"]


@pytest.mark.parametrize("told", [None, []])
def test_a_grid_of_nothing_else_is_refused(told):
    with pytest.raises(ValueError, match="binary_dot takes binary operands alone"):
        grid(PAIRS[:1], ["binary_dot"], skipped=told)
