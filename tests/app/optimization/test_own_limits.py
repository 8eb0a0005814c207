"""What a refusal says of the device's own resources is not told as a budget."""

from dataclasses import replace

import pytest

import costmodel as cm
import dse
from app.optimization import Question, optimise
from costmodel.workload import Workload
from costmodel.workload.ops import linear
from dse.metric import bram18, energy_j, lut

WIDE = Workload("wide", tuple(linear(f"fc{i}", 1, 1024, 1024) for i in range(4)))
SMALL = replace(cm.fpga("pynq_z1"), bram18=100.0, lut=5000.0)


@pytest.mark.parametrize("budget", [bram18 <= 1000, lut <= 1e5])
def test_a_resource_of_which_nobody_gave_that_number_is_the_device_s(budget):
    question = Question("wide", "small", SMALL, dse.choices(WIDE, ["int4"]), [budget], fit=True)
    with pytest.raises(dse.InfeasibleError, match=r"\(pynq_z1 has (100|5000)\)") as refused:
        optimise(question)
    assert "budget 100)" not in str(refused.value)
    assert "budget 5000)" not in str(refused.value)


@pytest.mark.parametrize("others", [[], [energy_j <= 1.0]])
def test_what_a_budget_needs_beyond_the_device_is_told_as_that(others):
    question = Question("wide", "small", SMALL, dse.choices(WIDE, ["int4"]), [lut <= 1000, *others], fit=True)
    with pytest.raises(dse.InfeasibleError, match=r"\(budget 1000\).*; pynq_z1 has 5000 lut"):
        optimise(question)
