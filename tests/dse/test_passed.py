"""Sums of many plans with outputs as they are read: those of whole estimates, of every folding its own."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import costmodel as cm
import dse
from costmodel.estimators.fpga import fold
from costmodel.workload import Workload
from costmodel.workload.ops import linear
from dse.passed import Passed

NETWORK = Workload("small", tuple(linear(f"fc{i}", 4, a, b) for i, (a, b) in enumerate(pairwise((16, 32, 16, 8)))))
NAMES = ("lut", "ff", "bram18", "energy_j")


@pytest.mark.parametrize("formats", [("int2", "int4", "int8"), ("int8@2:4", "int8", "int4@1:4")])
def test_problems_that_share_what_was_evaluated_have_the_sums_of_their_own_folding(formats):
    found = dse.choices(NETWORK, formats).on(cm.fpga("pynq_z1"))
    small = replace(found.device, lut=found.device.lut / 40, dsp=0.0)
    slower = replace(found, folding=fold(found.workload, found.carried(found.uniform(0)), small))
    rng, available = np.random.default_rng(0), np.isfinite(found.loss)
    choices = np.array([[rng.choice(np.flatnonzero(row)) for row in available] for _ in range(3)])
    for problem in (found, slower, found.without(np.zeros_like(available)), slower):
        told = Passed(problem, NAMES).totals(choices)
        for row, choice in enumerate(choices):
            totals = problem.estimate(choice).totals
            assert {name: told[name][row] for name in NAMES} == pytest.approx({name: totals[name] for name in NAMES})
    assert not np.allclose(Passed(found, ["lut"]).totals(choices)["lut"], told["lut"])
