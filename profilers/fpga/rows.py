"""Synthesised designs as a table: what `bitfront profile fpga` writes and the LUT models are fitted on."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from profilers.fpga.cache import Cache
from profilers.fpga.design import Design
from profilers.fpga.synthesis import Progress, measure
from profilers.fpga.tool import yosys
from profilers.fpga.verilog import unit as checked

if TYPE_CHECKING:
    import pandas as pd


def rows(
    designs: Sequence[Design],
    family: str = "xc7",
    *,
    cache: Cache | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> "pd.DataFrame":
    """Synthesise the designs (see `measure`) into one row each: the fields of Design, resources, and the Yosys version.

    sites are LUT6 sites, levels LUTs on the longest path; units are mapped to LUTs, so dsp and bram18 are 0.
    """
    import pandas as pd

    counts = measure(designs, family, cache=cache, progress=progress)
    return pd.DataFrame(
        {
            "unit": [d.unit for d in designs],
            "a_format": [d.a_format for d in designs],
            "b_format": [d.b_format for d in designs],
            "n": [d.n for d in designs],
            "acc_bits": [d.acc_bits for d in designs],
            "out_format": [d.out_format for d in designs],
            "device_family": family,
            "sites": [c.sites for c in counts],
            "ff": [c.ff for c in counts],
            "dsp": 0,
            "bram18": 0,
            "carry_bits": [c.carry_bits for c in counts],
            "lut_cells": [c.lut for c in counts],
            "levels": [c.levels for c in counts],
            "yosys": yosys().version,
            "design": [d.name for d in designs],
            "held_out": [d.held_out for d in designs],
        }
    )


def designs(table: "pd.DataFrame") -> list[Design]:
    """The designs of a table's rows; absent columns are n = 1, acc_bits = 0, no format. ValueError names a bad row."""
    if "unit" not in table:
        raise ValueError(f"a table of designs has a column unit, got {', '.join(map(str, table.columns))}")
    columns = [table[name] if name in table else [default] * len(table) for name, default in DEFAULTS.items()]
    found = []
    for row, (unit, a, b, n, acc_bits, out) in enumerate(zip(*columns, strict=True)):
        try:
            design = Design(_text(unit), _text(a), _text(b), _whole(n), _whole(acc_bits), _text(out))
            checked(design)
        except ValueError as error:
            raise ValueError(f"row {row}: {error}") from None
        found.append(design)
    return found


DEFAULTS = {"unit": "", "a_format": "", "b_format": "", "n": 1, "acc_bits": 0, "out_format": ""}


def _text(value: Any) -> str:
    """A cell's text; CSV files and tables of several sources have nan for none."""
    return value if isinstance(value, str) else ""


def _whole(value: Any) -> int:
    if not float(value).is_integer():
        raise ValueError(f"a size must be a whole number, got {value}")
    return int(value)
