"""Run the Verilog of a design in Icarus Verilog, where it is installed: an opinion that shares nothing with Yosys.

Icarus Verilog: Stephen Williams, https://steveicarus.github.io/iverilog, IEEE 1364-2005. It reads the same text that
is synthesised, so that a fault of Yosys' reading, of its mapping or of our run of the netlist shows as a difference.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.fpga.codes import objects
from profilers.fpga.design import Design
from profilers.fpga.ports import Ports
from profilers.fpga.stimuli import packed, stimuli
from profilers.fpga.verify import compared
from profilers.fpga.verilog import ports, verilog

_BENCH = """
module bench;
    reg [{top}:0] word;
    reg clk;
    integer file, found;
    wire [{y_top}:0] y;
    wire invalid;
    top under_test (.clk(clk), .clear(word[0]), {wires}, .y(y), .invalid(invalid));
    initial begin
        clk = 0;
        file = $fopen("stimuli.hex", "r");
        found = $fscanf(file, "%h\\n", word);
        while (found == 1) begin
            #1 clk = 1;
            #1 clk = 0;
            $display("%h %h", y, invalid);
            found = $fscanf(file, "%h\\n", word);
        end
    end
endmodule
"""


class IcarusError(OSError):
    """Icarus Verilog is absent, or refuses a design."""


def available() -> bool:
    """Whether Icarus Verilog is on PATH."""
    return bool(shutil.which("iverilog") and shutil.which("vvp"))


def verify(design: Design, seed: int = 0, most: int | None = None) -> int:
    """Return how many outputs were compared with the formats, of at most `most` input vectors (all of `stimuli`).

    MismatchError names the first that differs, IcarusError says where Icarus Verilog is absent or fails.
    """
    inputs = {name: codes[:, :most] for name, codes in stimuli(design, seed).items()}
    return compared(design, inputs, simulate(design, packed(ports(design), inputs)))


def simulate(design: Design, words: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return `y` and `invalid` [steps, vectors] after each clock edge, as Python integers.

    words: integers [steps, vectors] of every input port and of `clear`. IcarusError where it is absent or fails.
    """
    if not available():
        raise IcarusError("no Icarus Verilog on PATH: install iverilog (apt-get install iverilog)")
    face = ports(design)
    steps, vectors = words["clear"].shape
    with tempfile.TemporaryDirectory(prefix="bitfront-") as name:
        folder = Path(name)
        (folder / "design.v").write_text(verilog(design) + _bench(face))
        (folder / "stimuli.hex").write_text("\n".join(_lines(face, words)))
        _run(["iverilog", "-g2005", "-s", "bench", "-o", "design.vvp", "design.v"], folder)
        lines = _run(["vvp", "-n", "design.vvp"], folder).split()
    if len(lines) != 2 * steps * vectors:
        raise IcarusError(f"Icarus Verilog gave {len(lines) // 2} outputs of {design.name}, not {steps * vectors}")
    y, invalid = (objects((_number(text) for text in lines[i::2]), (vectors, steps)).T for i in (0, 1))
    return {"y": y, "invalid": invalid}


def _bench(face: Ports) -> str:
    wires, low = [], 1
    for port in face.inputs:
        wires.append(f".{port.name}(word[{low} +: {port.width}])")
        low += port.width
    return _BENCH.format(top=low - 1, y_top=face.bits - 1, wires=", ".join(wires))


def _lines(face: Ports, words: Mapping[str, NDArray[Any]]) -> Sequence[str]:
    """A word of all inputs a line, `clear` lowest; the steps of a vector follow each other."""
    whole, low = words["clear"].astype(object), 1
    for port in face.inputs:
        whole = whole | (words[port.name].astype(object) << low)
        low += port.width
    return [f"{int(word):x}" for word in np.ravel(whole.T)]


def _number(text: str) -> int:
    """A hexadecimal number; an output that is not defined (x, z) is none, and equals no expected value."""
    return int(text, 16) if set(text) <= set("0123456789abcdef") else -1


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr + done.stdout).strip().splitlines()[:1] or ["no message"]
        raise IcarusError(f"{command[0]} failed with {done.returncode}: {said[0][:300]}")
    return done.stdout
