"""Synthesise a batch of designs in one Yosys process and read their netlists.

The passes are those of synth_xilinx in two parts. Templates keep their hierarchy through the coarse part, so that
`alumacc` and `share` do not merge the adders of a tree into others; then each design is flattened by itself, and LUT
mapping (ABC9) works across the templates. Designs never mix: each stays a module of its own below the batch.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from profilers.fpga.design import Design
from profilers.fpga.netlist import Netlist, netlist
from profilers.fpga.tool import Yosys, YosysError
from profilers.fpga.verilog import templates, top, used

FAMILIES = ("xc7", "xcup")

_OPTIONS = "-nodsp -nobram -nolutram -nosrl -noiopad -noclkbuf"
_SCRIPT = """\
read_verilog -lib -specify +/xilinx/cells_sim.v
read_verilog batch.v
hierarchy -check -top batch
synth_xilinx -run prepare:fine -family {family} {options}
setattr -mod -unset keep_hierarchy *
setattr -mod -set keep_hierarchy 1 design_*
flatten
opt_clean -purge
synth_xilinx -run fine:edif -family {family} {options}
select design_*
tee -q -o stat.json stat -json
write_json -selected netlist.json
"""


def script(family: str) -> str:
    """The Yosys script of a device family; ValueError on an unknown one."""
    if family not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, got {family!r}")
    return _SCRIPT.format(family=family, options=_OPTIONS)


def synthesise(designs: Sequence[Design], family: str, tool: Yosys) -> list[Netlist]:
    """The mapped netlist of every design; YosysError where Yosys fails or leaves less than all of them."""
    with tempfile.TemporaryDirectory(prefix="bitfront-") as name:
        folder = Path(name)
        (folder / "batch.v").write_text(batch(designs))
        (folder / "run.ys").write_text(script(family))
        tool.run(["-q", "-s", "run.ys"], folder)
        mapped = _complete(folder, len(designs))
    return [netlist(mapped[f"design_{i}"]) for i in range(len(designs))]


def batch(designs: Sequence[Design]) -> str:
    """Verilog of several designs: the templates once, a top for each, and a module that holds them."""
    tops = [top(design, f"design_{i}") for i, design in enumerate(designs)]
    held = "".join(f"    (* keep *) design_{i} unit_{i} ();\n" for i in range(len(designs)))
    library = "".join(templates()[name] for name in used("".join(tops)))
    return f"{library}{''.join(tops)}module batch ();\n{held}endmodule\n"


def _complete(folder: Path, number: int) -> Mapping[str, Any]:
    """The modules of the written netlist. Yosys may cut a JSON file short and still exit 0: cells must match `stat`."""
    try:
        modules: dict[str, Any] = json.loads((folder / "netlist.json").read_text())["modules"]
        counted = json.loads((folder / "stat.json").read_text())["modules"]
    except (OSError, KeyError, json.JSONDecodeError) as error:
        raise YosysError(f"Yosys left an incomplete netlist: {error}") from None
    for name in (f"design_{i}" for i in range(number)):
        written = len(modules[name]["cells"]) if name in modules else -1
        expected = counted.get(f"\\{name}", {}).get("num_cells")
        if written != expected:
            raise YosysError(f"Yosys wrote {written} cells of {name}, expected {expected}")
    return modules
