"""The Verilog of a design: its top module over the checked-in templates."""

import re
from functools import cache
from pathlib import Path
from types import ModuleType

from costmodel.catalog import modules, require
from profilers.fpga import units
from profilers.fpga.design import Design
from profilers.fpga.ports import Ports

RTL = Path(__file__).parent / "rtl"


@cache
def catalog() -> dict[str, ModuleType]:
    """The units by name: one file each."""
    return modules(units)


def unit(design: Design) -> ModuleType:
    """The unit of a design, which the design suits; ValueError or UnknownNameError otherwise."""
    found = catalog()[require("unit", design.unit, catalog())]
    found.check(design)
    return found


def ports(design: Design) -> Ports:
    """The ports of a design's top module."""
    found: Ports = unit(design).ports(design)
    return found


def verilog(design: Design) -> str:
    """The design as one Verilog-2005 text: the templates it uses, then its top module `top`."""
    text = top(design)
    return "".join(templates()[name] for name in used(text)) + text


def top(design: Design, name: str = "top") -> str:
    """The top module alone; every design has clk, clear and invalid, used or not."""
    face = ports(design)
    wires = [f"    input [{port.width - 1}:0] {port.name}" for port in face.inputs]
    listed = ",\n".join(
        ["    input clk", "    input clear", *wires, f"    output [{face.bits - 1}:0] y", "    output invalid"]
    )
    body = unit(design).instance(design)
    quiet = "" if "invalid" in body else "\n    assign invalid = 1'b0;"
    return f"// {design.name}\nmodule {name} (\n{listed}\n);\n    {body.strip()}{quiet}\nendmodule\n"


@cache
def templates() -> dict[str, str]:
    """The checked-in Verilog files by stem."""
    return {path.stem: path.read_text() for path in sorted(RTL.glob("*.v"))}


def used(text: str) -> list[str]:
    """The templates that a text instantiates, and those that they do, by name."""
    found: set[str] = set()
    queue = [text]
    while queue:
        words = set(re.findall(r"[a-z_0-9]+", re.sub(r"//.*", "", queue.pop())))
        new = sorted(words & set(templates()) - found)
        found.update(new)
        queue += [templates()[name] for name in new]
    return sorted(found)
