"""A report against whole designs with published synthesis results, where a table of them lies beside the repository.

The formulas count no data movers, deeper queues or processor's interface, which the designs hold as well. No constant
was fitted to them, so that the bound is a sanity check and no accuracy claim.
"""

import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from costmodel.estimators.estimate import estimate
from costmodel.estimators.fpga import Folding
from costmodel.formats import get
from costmodel.hardware import fpga as device
from costmodel.precision import precision
from costmodel.workload import Workload
from costmodel.workload.ops import conv, linear

BESIDE = Path(__file__).resolve().parents[5] / "shared" / "data"
TABLE = Path(os.environ.get("BITFRONT_PUBLISHED", BESIDE)) / "fpga_published.md"


def cnv():
    """The CIFAR-10 network of FINN-R: six 3 x 3 convolutions, pooling after the second and fourth, three linear,
    the last one's 10 outputs filled up to its 4 rows at once."""
    ops, size = [], 32
    for i, (channels_in, channels_out) in enumerate([(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256)]):
        ops.append(conv(f"conv{i}", 1, channels_in, channels_out, input_size=(size, size), kernel=(3, 3)))
        size = (size - 2) // 2 if i in (1, 3) else size - 2
    for i, (features_in, features_out) in enumerate([(256, 512), (512, 512), (512, 12)]):
        ops.append(linear(f"fc{i}", 1, features_in, features_out, bias=False))
    return Workload("cnv", tuple(ops))


def designs():
    """Weight bits, activation bits, foldings and the LUT and 18 Kb blocks of each CNV row of the table."""
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        name = re.match(r"CNV-W(\d)A(\d)", cells[0])
        if name:
            pe, simd = (np.array([float(x) for x in cell.split(",")]) for cell in cells[2:4])
            blocks = [int(x) for x in re.findall(r"\d+", cells[6])]
            yield (
                int(name[1]),
                int(name[2]),
                Folding(pe, simd, 0.0),
                float(cells[4].replace(",", "")),
                2 * blocks[0] + blocks[1],
            )


@pytest.mark.skipif(not TABLE.is_file(), reason="no table of published designs beside the repository")
def test_whole_designs_are_within_a_factor_of_three():
    rows = list(designs())
    assert rows
    for weight, act, folding, luts, blocks in rows:
        narrow = {1: get("binary"), 2: get("int2")}
        used = replace(precision("int2/int2"), weight=narrow[weight], activation=narrow[act])
        first = replace(used, activation=get("int8"))
        found = estimate(cnv(), {"*": used, "conv0": first}, device("pynq_z1"), folding=folding)
        ratios = {"lut": found.totals["lut"] / luts, "bram18": found.totals["bram18"] / blocks}
        for name, value in (("lut", luts), ("bram18", blocks)):
            assert found.totals[f"{name}_low"] <= value <= found.totals[f"{name}_high"]
        rounded = {name: round(ratio, 2) for name, ratio in ratios.items()}
        print(f"CNV W{weight}A{act}: model / published {rounded}")
        assert all(1 / 3 < ratio < 3 for ratio in ratios.values()), ratios
