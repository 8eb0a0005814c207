"""Memories and multipliers that a tool puts into hard blocks: block RAM, UltraRAM and DSP blocks.

One Yosys process maps a batch of modules with synth_xilinx and counts the block cells that each one takes.
"""

import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from profilers.fpga.cache import Cache, default_folder, key
from profilers.fpga.flow import FAMILIES
from profilers.fpga.synthesis import Progress
from profilers.fpga.tool import Yosys, YosysError, yosys

BATCH = 24
STYLES = ("block", "ultra")
CELLS = ("RAMB18E1", "RAMB36E1", "RAMB18E2", "RAMB36E2", "URAM288", "DSP48E1", "DSP48E2")
"""Cells counted: block RAMs of 18 and 36 Kb, UltraRAMs and DSP blocks."""

_SCRIPT = """\
read_verilog -lib -specify +/xilinx/cells_sim.v
read_verilog -lib +/xilinx/cells_xtra.v
read_verilog batch.v
hierarchy -check -top batch
setattr -mod -set keep_hierarchy 1 design_*
synth_xilinx -run prepare:map_ffram -family {family} {options}
tee -q -o stat.json stat -json
"""


@dataclass(frozen=True)
class Memory:
    """A memory of `depth` words of `bits`, read every cycle at one address; `writable` at another, else constant.

    `style` is "block" or "ultra": the kind of memory that its ram_style attribute asks for.
    """

    depth: int
    bits: int
    writable: bool = True
    style: str = "block"

    def __post_init__(self) -> None:
        if self.depth < 2 or self.bits < 1 or self.style not in STYLES or (self.style == "ultra" and not self.writable):
            raise ValueError(f"a memory has depth >= 2, bits >= 1 and a style of {STYLES}, ultra writable; got {self}")

    @property
    def name(self) -> str:
        """The spelling that identifies it."""
        return f"{'ram' if self.writable else 'rom'}-{self.style}-{self.depth}x{self.bits}"

    def module(self, name: str) -> str:
        """Its Verilog. A constant one holds multiples of an odd number, so that no column of bits is constant."""
        address, word, last = (self.depth - 1).bit_length(), self.bits - 1, self.depth - 1
        ports = f"input clk, input [{address - 1}:0] at, output reg [{word}:0] q"
        if self.writable:
            ports += f", input write, input [{address - 1}:0] to, input [{word}:0] d"
            fill, step = "", "if (write) words[to] <= d;"
        else:
            odd = int(np.random.default_rng(self.depth * 1000 + self.bits).integers(1 << 30)) * 2 + 1
            wide = sum(odd * (i + 1) << (30 * i) for i in range(self.bits // 30 + 1)) | 1
            factor = f"{self.bits}'h{wide % (1 << self.bits):x}"
            fill = f"integer i; initial for (i = 0; i < {self.depth}; i = i + 1) words[i] = i * {factor} + i / 3;"
            step = ""
        return f"""module {name} ({ports});
    (* ram_style = "{self.style}" *) reg [{word}:0] words [0:{last}];
    {fill}
    always @(posedge clk) begin {step} q <= words[at]; end
endmodule
"""


@dataclass(frozen=True)
class Multiplier:
    """A product of two integers, both signed or both not, as the operator `*`."""

    a_bits: int
    b_bits: int
    signed: bool = True

    def __post_init__(self) -> None:
        if not (1 <= self.a_bits <= 64 and 1 <= self.b_bits <= 64):
            raise ValueError(f"a multiplier's operands have 1 to 64 bits, got {self}")

    @property
    def name(self) -> str:
        """The spelling that identifies it."""
        return f"{'int' if self.signed else 'uint'}-{self.a_bits}x{self.b_bits}"

    def module(self, name: str) -> str:
        """Its Verilog."""
        sign = "signed " if self.signed else ""
        a, b, y = self.a_bits - 1, self.b_bits - 1, self.a_bits + self.b_bits - 1
        return f"""module {name} (input {sign}[{a}:0] a, input {sign}[{b}:0] b, output {sign}[{y}:0] y);
    assign y = a * b;
endmodule
"""


Block: TypeAlias = Memory | Multiplier


def script(family: str) -> str:
    """The Yosys script of a device family; ValueError on an unknown one."""
    if family not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, got {family!r}")
    return _SCRIPT.format(family=family, options="-noiopad -noclkbuf" + (" -uram" if family == "xcup" else ""))


def measure(
    blocks: Sequence[Block],
    family: str = "xc7",
    *,
    cache: Cache | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    tool: Yosys | None = None,
) -> list[dict[str, int]]:
    """Return the block cells of each by type, zeros left out; finished batches come from the cache.

    ValueError on an unknown family or ultra memories where it has none; YosysError where Yosys fails.
    """
    flow, tool, store = script(family), tool or yosys(), cache or Cache(default_folder())
    if family == "xc7" and any(isinstance(b, Memory) and b.style == "ultra" for b in blocks):
        raise ValueError("xc7 has no UltraRAM")
    keys = {block: key(block.module("design"), flow, tool.version) for block in dict.fromkeys(blocks)}
    found = {block: entry for block, name in keys.items() if (entry := store.get(name)) is not None}
    missing, cached = [block for block in keys if block not in found], len(found)
    began = time.monotonic()
    progress(Progress(cached, len(keys), cached, 0.0))
    for start in range(0, len(missing), BATCH):
        chunk = missing[start : start + BATCH]
        for block, counted in zip(chunk, _count(chunk, flow, tool), strict=True):
            found[block] = counted
            store.put(keys[block], counted)
        progress(Progress(len(found), len(keys), cached, time.monotonic() - began))
    return [found[block] for block in blocks]


def _count(blocks: Sequence[Block], flow: str, tool: Yosys) -> list[dict[str, int]]:
    held = "".join(f"    (* keep *) design_{i} unit_{i} ();\n" for i in range(len(blocks)))
    text = "".join(block.module(f"design_{i}") for i, block in enumerate(blocks))
    with tempfile.TemporaryDirectory(prefix="bitfront-") as name:
        folder = Path(name)
        (folder / "batch.v").write_text(f"{text}module batch ();\n{held}endmodule\n")
        (folder / "run.ys").write_text(flow)
        tool.run(["-q", "-s", "run.ys"], folder)
        try:
            modules: Mapping[str, Any] = json.loads((folder / "stat.json").read_text())["modules"]
            return [_cells(modules[f"\\design_{i}"]) for i in range(len(blocks))]
        except (OSError, KeyError, json.JSONDecodeError) as error:
            raise YosysError(f"Yosys left no complete statistics: {error}") from None


def _cells(module: Mapping[str, Any]) -> dict[str, int]:
    counted = module["num_cells_by_type"]
    return {cell: int(counted[cell]) for cell in CELLS if counted.get(cell)}
