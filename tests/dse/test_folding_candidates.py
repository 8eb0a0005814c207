"""Tables of candidates price what units take as the whole network's estimate does."""

from dataclasses import replace

import pytest

import costmodel as cm
import dse
from costmodel.workload import Workload
from costmodel.workload.ops import conv, elementwise, linear, pooling
from dse import allocate
from dse.couplings import Couplings
from dse.folding_candidates import FIXED, candidates
from dse.folding_groups import within
from dse.folding_latency import folding_of
from dse.folding_options import RESOURCES, units


def excited():
    """A squeeze and excitation: what the first layer writes is pooled, and multiplied by what comes of that."""
    ops = (
        conv("wide", 1, 4, 8, input_size=(4, 4), kernel=(1, 1)),
        pooling("mean", 8 * 16, 8, inputs=("wide",)),
        linear("reduce", 1, 8, 2, inputs=("mean",)),
        linear("expand", 1, 2, 8, inputs=("reduce",)),
        elementwise("gated", 8 * 16, inputs=("wide", "expand")),
        conv("narrow", 1, 8, 4, input_size=(4, 4), kernel=(1, 1), inputs=("gated",)),
    )
    return Workload("excited", ops)


@pytest.mark.parametrize("most_s", [1e-7, 4e-7, 4e-6])
@pytest.mark.parametrize("room", [0.5, 0.7, 0.95])
def test_plans_of_squeeze_and_excitation_cost_what_tables_say(most_s, room):
    found = dse.choices(excited(), ["int2", "int4", "int8"]).on(cm.fpga("zcu104"))
    kept = within(units(found), most_s)
    flat = candidates(found, kept, FIXED, by_readers=True)
    free = allocate.best(flat.tables(flat.loss, {"bram18": 1e3}, Couplings()))
    plan = allocate.best(flat.tables(flat.loss, {"lut": free.totals["lut"] * room}, Couplings()))
    for each in (free, plan) if plan else (free,):
        named, taken = flat.named(each)
        totals = replace(found, folding=folding_of(found, taken)).totals(named.choice)
        assert {name: each.totals[name] for name in RESOURCES} == {name: totals[name] for name in RESOURCES}
    assert free.objective == pytest.approx(found.loss.min(axis=1).sum())
