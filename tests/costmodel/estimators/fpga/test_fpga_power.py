"""Static and dynamic power of a design, and where nothing is known of the chip."""

from dataclasses import replace
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.estimators.estimate import estimate
from costmodel.estimators.fpga import energy, overlay
from costmodel.hardware import fpga as device
from costmodel.hardware import names
from costmodel.workload import Workload
from costmodel.workload.ops import linear

NET = Workload("net", (linear("a", 64, 128, 128), linear("b", 64, 128, 10)))
BOARD = device("pynq_z1")
POWERS = {"dynamic_power_w", "static_power_w", "power_w"}


@given(st.floats(0, 1e3), st.floats(0.01, 100))
def test_power_is_static_and_dynamic(dynamic_w, static_w):
    found = energy.power(dynamic_w, replace(BOARD, static_w=static_w))
    ends = {"power_low_w": dynamic_w / 4 + static_w, "power_high_w": dynamic_w * 4 + static_w}
    power = {"dynamic_power_w": dynamic_w, "static_power_w": static_w, "power_w": dynamic_w + static_w}
    assert found == power | ends
    every = energy.power(dynamic_w, replace(BOARD, static_w=static_w, toggle_rate=0.5))
    assert every["power_high_w"] == pytest.approx(dynamic_w * 2 + static_w)  # no more than all signals change


def test_what_toggles_more_takes_more_and_memories_are_read_all_the_same():
    resources = {"lut": 100.0, "dsp": 3.0, "bram18": 5.0, "uram": 0.0}
    idle, usual, random = (energy.dynamic_j(resources, 10, replace(BOARD, toggle_rate=r)) for r in (0, 0.125, 0.5))
    assert random - idle == pytest.approx(4 * (usual - idle))
    assert idle == energy.dynamic_j(resources | {"lut": 0.0, "dsp": 0.0}, 10, BOARD) > 0


def test_a_dataflow_and_an_overlay_have_both():
    flow = estimate(NET, "int4/int4", BOARD).totals
    assert flow["power_w"] == BOARD.static_w + flow["dynamic_power_w"]
    assert flow["dynamic_power_w"] == pytest.approx(flow["energy_j"] * flow["throughput_per_s"])
    shared = estimate(NET, "int4/int4", BOARD, design=overlay.fit).totals
    assert shared["power_w"] == BOARD.static_w + shared["energy_j"] / shared["latency_s"]


@pytest.mark.parametrize("design", [None, overlay.fit])
def test_what_is_not_known_of_a_chip_is_absent(design):
    how = {} if design is None else {"design": design}
    only = estimate(NET, "int4/int4", replace(BOARD, static_w=nan), **how).totals
    assert set(only) & POWERS == {"dynamic_power_w"}
    none = estimate(NET, "int4/int4", replace(BOARD, static_w=nan, process_m=nan), **how).totals
    assert not set(none) & (POWERS | {"energy_j"})


def test_chips_of_one_process_leak_by_their_luts():
    """What is carried from one part is so: watts a LUT agree to the two digits that are kept."""
    boards = [device(name) for name in names("fpga")]
    own = device("zcu104")
    carried = [b for b in boards if b.sources.get("static_w", "").startswith("A judgement")]
    assert len(carried) == 5
    for board in carried:
        assert board.process_m == own.process_m
        assert board.static_w / board.lut == pytest.approx(own.static_w / own.lut, rel=0.05)
