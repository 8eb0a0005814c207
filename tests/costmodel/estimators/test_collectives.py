"""Exchanges between GPUs: laws of rings and trees."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
from costmodel.estimators import collectives as on
from costmodel.hardware import link
from costmodel.workload import Workload
from costmodel.workload.ops import COLLECTIVES, collective

LINKS = st.sampled_from(["nvlink3", "nvlink4", "pcie4", "ib_ndr"]).map(link)
BYTES = st.floats(1.0, 1e11)
RANKS = st.integers(2, 512)


@given(BYTES, RANKS, LINKS)
def test_an_all_reduce_is_a_reduce_scatter_and_an_all_gather(size, ranks, over):
    free = replace(over, protocols=tuple(replace(p, start_s=0.0) for p in over.protocols))
    both = on.reduce_scatter_s(size, ranks, free) + on.all_gather_s(size, ranks, free)
    assert on.ring_all_reduce_s(size, ranks, free) == pytest.approx(both)
    both = on.reduce_scatter_s(size, ranks, over) + on.all_gather_s(size, ranks, over)
    assert on.ring_all_reduce_s(size, ranks, over) <= both, "one start instead of two"


@given(BYTES, st.floats(1.0, 10.0), RANKS, LINKS, st.sampled_from(COLLECTIVES))
def test_more_bytes_never_take_less_and_never_faster_than_the_link(size, factor, ranks, over, kind):
    formula = on.FORMULAS[kind]
    short, long = formula(size, ranks, over), formula(size * factor, ranks, over)
    assert 0 < short <= long * (1 + 1e-12)
    assert long >= size * factor / 2 / over.bytes_per_s


@pytest.mark.parametrize("kind", COLLECTIVES)
def test_one_rank_exchanges_nothing(kind):
    assert on.FORMULAS[kind](1e9, 1, link("nvlink4")) == 0


def test_trees_win_where_hops_count_and_rings_where_bytes_do():
    over = link("nvlink4")
    assert on.tree_all_reduce_s(1e4, 8, over) < on.ring_all_reduce_s(1e4, 8, over)
    assert on.tree_all_reduce_s(1e9, 8, over) > on.ring_all_reduce_s(1e9, 8, over) == on.all_reduce_s(1e9, 8, over)


def test_formulas_take_arrays():
    sizes, ranks = np.geomspace(1e3, 1e9, 5)[:, None], np.array([1, 2, 8])
    found = on.all_reduce_s(sizes, ranks, link("nvlink4"))
    assert found.shape == (5, 3)
    assert found[3, 2] == on.all_reduce_s(float(sizes[3, 0]), 8, link("nvlink4"))


def test_a_large_all_reduce_of_eight_a100s_reaches_the_bus_bandwidth_that_the_library_plans_with():
    size = 8 * 2.0**30
    bus = 2 * 7 / 8 * size / on.all_reduce_s(size, 8, link("nvlink3"))
    assert bus == pytest.approx(240e9, rel=0.01), "12 links of 20 GB/s: NCCL, src/graph/topo.h"


def test_estimate_takes_an_exchange_over_the_gpus_link_and_says_so():
    op = collective("sum", "all_reduce", 2.0**20, 8)
    found = cm.estimate(Workload("net", (op,)), "bf16", cm.gpu("h100_sxm"))
    assert found.latency_s[0] == on.all_reduce_s(2.0**21, 8, link("nvlink4"))
    assert found.source[0] == "link formula (nvlink4)"
    assert found.bound[0] == "link"
    assert found.totals["macs"] == 0
    assert found.totals["latency_low_s"] < found.totals["latency_s"] < found.totals["latency_high_s"]
    with pytest.raises(ValueError, match="jetson_orin has no link to other GPUs"):
        cm.estimate(Workload("net", (op,)), "fp16", cm.gpu("jetson_orin"))


def test_bad_exchanges_are_told_in_a_line():
    with pytest.raises(ValueError, match=r"kind must be one of .*, got 'broadcast'"):
        collective("x", "broadcast", 8, 2)
    with pytest.raises(ValueError, match="at least 2 ranks, got 1"):
        collective("x", "send", 8, 1)
