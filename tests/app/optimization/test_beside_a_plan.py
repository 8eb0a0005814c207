"""Uniform designs beside a plan are laid out for themselves."""

from functools import partial

import costmodel as cm
import dse
from app.optimization import Question, optimise
from costmodel.estimators.fpga import fold, overlay
from costmodel.workload import Workload
from costmodel.workload.ops import linear
from dse.metric import lut

NET = Workload("net", tuple(linear(f"fc{i}", 64, 256, 256) for i in range(3)))
BOARD = cm.fpga("zcu102")


def uniform(formats, design):
    choices = dse.Choices(NET, tuple(formats), method="sqnr", design=design)
    found = optimise(Question("net", "zcu102", BOARD, choices, [lut <= 5e4]))
    return next(d["totals"] for d in found["designs"] if d["name"] == "int4/int4")


def test_a_uniform_design_is_the_same_whatever_formats_are_offered_beside():
    array = partial(overlay.fit, most={"lut": 5e4})
    for design, speed in ((array, "latency_s"), (partial(fold, streaming=True), "throughput_per_s")):
        alone, beside = uniform(["int4"], design), uniform(["int4", "int8"], design)
        assert beside[speed] == alone[speed]
        assert beside["lut"] == alone["lut"]
