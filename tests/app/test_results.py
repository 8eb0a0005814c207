"""What a result says of its designs, and of formats that nobody asked for."""

from app.commands.estimate import _hint
from app.results import broken
from costmodel.workload import Workload
from costmodel.workload.ops import linear


def test_the_budgets_that_a_design_breaks_are_named():
    design = {"totals": {"lut": 200.0, "throughput_per_s": 10.0}, "loss": 0.5}
    assert not broken(design, ["lut <= 200", "throughput_per_s >= 10", "loss <= 0.5"])
    assert broken(design, ["lut <= 199", "throughput_per_s >= 11", "bram18 <= 1"]) == "lut, throughput_per_s"
    assert broken(design, ["loss <= 0.4"]) == "loss"


def test_a_file_that_states_no_format_of_a_layer_says_what_to_give():
    net = Workload("net", (linear("fc", 1, 4, 4),), stated=(("fc", "int4/bf16"),))
    error = "an FPGA layer takes integers; got bf16 for layer fc"
    assert "--assign LAYER=int8/int8" in _hint(error, None, "as stated", net)
    assert _hint(error, None, "bf16", net).startswith("bf16 is the default")
    assert not _hint("another error", None, "bf16", net)
