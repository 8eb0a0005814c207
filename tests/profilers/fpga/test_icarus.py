"""Every unit's Verilog in a simulator that shares no code with Yosys or with our run of its netlists."""

import os

import pytest
from small_designs import SMALL

from profilers.fpga import icarus
from profilers.fpga.design import Design
from profilers.fpga.sample import OTHERS, sample
from profilers.fpga.stimuli import packed, stimuli
from profilers.fpga.verify import MismatchError, compared
from profilers.fpga.verilog import ports

installed = pytest.mark.skipif(
    not icarus.available() and os.environ.get("CI") != "true", reason="no Icarus Verilog on this machine"
)


@installed
@pytest.mark.parametrize("design", SMALL, ids=lambda d: d.name)
def test_the_verilog_computes_what_the_formats_say(design):
    steps = 3 if ports(design).accumulates else 1
    assert icarus.verify(design, most=256) == min(256, 2 ** ports(design).input_bits) * steps


@installed
@pytest.mark.long
@pytest.mark.parametrize("design", [*SMALL, *sample(30, 0), *sample(45, 0, OTHERS)], ids=lambda d: d.name)
def test_the_verilog_computes_what_the_formats_say_on_every_input(design):
    assert icarus.verify(design) >= 4


@installed
def test_wrong_verilog_is_found(monkeypatch):
    unsigned, signed = Design("product", "uint3", "uint3"), Design("product", "int3", "int3")
    inputs = stimuli(unsigned)
    simulated = icarus.simulate(signed, packed(ports(unsigned), inputs))
    with pytest.raises(MismatchError, match=r"product-uint3-uint3.*gave \d+, expected \d+"):
        compared(unsigned, inputs, simulated)
    monkeypatch.setattr(icarus, "verilog", lambda _: "module top; endmodule\nmodule top; endmodule\n")
    with pytest.raises(icarus.IcarusError, match=r"iverilog failed with \d+: design\.v:\d+: error"):
        icarus.verify(unsigned)


def test_absent_icarus_is_one_line(monkeypatch):
    monkeypatch.setattr(icarus.shutil, "which", lambda _: None)
    with pytest.raises(icarus.IcarusError, match="no Icarus Verilog on PATH: install iverilog"):
        icarus.verify(SMALL[0])
