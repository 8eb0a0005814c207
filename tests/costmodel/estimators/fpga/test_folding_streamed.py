"""Foldings whose weights come from the device's memory, against every folding of a small network."""

from dataclasses import replace

import numpy as np
import pytest

from costmodel.estimators import fpga
from costmodel.estimators.estimate import estimate
from costmodel.estimators.fpga.cycles import cycles
from costmodel.estimators.fpga.folding_tables import candidates
from costmodel.estimators.fpga.traffic_bound import memory_cycles
from costmodel.hardware import device
from costmodel.precision import precision
from costmodel.workload import Workload
from costmodel.workload.ops import linear
from costmodel.zoo import build

INT8 = precision("int8/int8")
RESOURCES = ("lut", "dsp", "bram18", "uram")
FEW = Workload(
    "few_divisors",
    (
        linear("a", 16, 514, 262, bias=False),
        linear("b", 16, 262, 346, bias=False),
        linear("c", 16, 346, 514, bias=False),
    ),
)


def board(share=1.0, **more):
    """A PYNQ-Z1 whose memory brings that share of what it does."""
    found = device("pynq_z1")
    return replace(found, memory_bytes_per_s=share * found.memory_bytes_per_s, **more)


def fits(found, on, utilisation=1.0):
    limits = on.usable(utilisation)
    return all(found[name] <= getattr(limits, name) for name in RESOURCES)


def least_cycles(on):
    """Of every PE, SIMD, place of products and place of weights of three layers, the least cycles of those that fit."""
    place, layers = fpga.placed(FEW, fpga.Folding(0.0, 0.0)), []
    for i, op in enumerate(FEW.ops):
        each = [(*folded, dsp, out) for folded in candidates(op) for dsp in (0.0, 1.0) for out in (0.0, 1.0)]
        pe, simd, dsp, streamed = np.array(each, dtype=float).T
        around = {"waiting": np.broadcast_to(place.waiting, 3)[i], "moved": np.broadcast_to(place.moved, 3)[i]}
        folding = fpga.Folding(pe, simd, dsp=dsp, streamed=streamed, **around)
        found = fpga.evaluate(op, INT8, on, folding)
        columns = (cycles(op, folding), found["bytes_moved"], found["bram18"], found["lut"], found["dsp"])
        layers.append(np.unique(np.column_stack([np.broadcast_to(column, len(pe)) for column in columns]), axis=0))
    at = [layer.reshape(*(-1 if axis == i else 1 for axis in range(3)), 5) for i, layer in enumerate(layers)]
    slowest = np.maximum.reduce(np.broadcast_arrays(*(layer[..., 0] for layer in at)))
    moved, bram18, lut, dsp = np.moveaxis(at[0][..., 1:] + at[1][..., 1:] + at[2][..., 1:], -1, 0)
    kept = (bram18 <= on.bram18) & (lut <= on.lut) & (dsp <= on.dsp)
    return float(np.maximum(slowest, memory_cycles(moved, on))[kept].min())


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 1.0])
@pytest.mark.parametrize(("bram18", "lut"), [(4, 5e4), (40, 8e3), (60, 5e4), (90, 8e3), (140, 5e4), (280, 5e4)])
def test_no_folding_that_fits_is_faster(share, bram18, lut):
    on = board(share, bram18=float(bram18), lut=lut)
    found = estimate(FEW, INT8, on, folding=fpga.fold(FEW, INT8, on, streaming=True, utilisation=1.0)).totals
    assert fits(found, on)
    assert found["cycles"] == least_cycles(on)


@pytest.mark.parametrize(("bram18", "rate"), [(280.0, 494.86), (60.0, 166.24)])
def test_the_memory_may_pace_what_fits(bram18, rate):
    """Rates that PE 4, 1, 1 with SIMD 16, 32, 1 and PE 1, 1, 1 with SIMD 16, 8, 1 reach by hand."""
    shapes = (("a", 16, 512, 1024), ("b", 16, 1024, 256), ("c", 16, 256, 10))
    net, on = Workload("three", tuple(linear(*shape, bias=False) for shape in shapes)), board(bram18=bram18)
    found = estimate(net, INT8, on, folding=fpga.fold(net, INT8, on, streaming=True))
    assert fits(found.totals, on)
    assert found.totals["throughput_per_s"] >= rate
    assert found.totals["cycles"] > found.columns["cycles"].max()


def test_an_asked_throughput_below_what_is_reached_fits_as_well():
    net, on = build("resnet18"), device("zcu104")
    reached = estimate(net, INT8, on, folding=fpga.fold(net, INT8, on, streaming=True)).totals
    assert fits(reached, on)
    for share in (0.9, 0.99):
        asked = share * reached["throughput_per_s"]
        found = estimate(net, INT8, on, folding=fpga.fold(net, INT8, on, streaming=True, throughput_per_s=asked)).totals
        assert found["throughput_per_s"] >= asked
        assert fits(found, on)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("share", [1e-5, 1.0])
def test_the_most_that_a_refusal_tells_is_reached_whether_units_or_the_memory_pace_it(share, streaming):
    on, asked = board(share), {"streaming": streaming}
    with pytest.raises(ValueError, match="throughput_per_s must be at most") as caught:
        fpga.fold(FEW, INT8, on, throughput_per_s=1e12, **asked)
    most = float(str(caught.value).split("at most ")[1].split()[0]) * (1 - 1e-5)
    found = estimate(FEW, INT8, on, folding=fpga.fold(FEW, INT8, on, throughput_per_s=most, **asked)).totals
    assert found["throughput_per_s"] >= most
