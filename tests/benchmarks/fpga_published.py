"""Whole designs with published Vivado results against our estimates and FINN-R's: nothing was fitted to them.

Modelled: matrix units with their weights, inputs to read again and thresholds, sliding windows, poolings, a width
converter and a queue before every unit. Not modelled: data movers, deeper queues, the processor's interface, and what
high-level synthesis adds: these designs hold each unit's inputs in flip-flops (finn-hlslib, mvau.hpp) where ours shift
through LUTs, and split a unit's weights into a memory for each PE (FINN, matrixvectoractivation, weights inside the
unit: an array [PE][depth] partitioned along PE) where ours is one wide memory, as FINN's streamed weights are. The
table of designs lies beside the repository, or where BITFRONT_PUBLISHED says.
"""

import os
import re
from pathlib import Path

import numpy as np

from costmodel.estimators import fpga
from costmodel.estimators.assignment import per_op
from costmodel.estimators.estimate import estimate
from costmodel.estimators.fpga import Folding
from costmodel.estimators.fpga.layer import lut_parts
from costmodel.hardware import fpga as device
from costmodel.record import stack
from costmodel.workload import Window, Workload
from costmodel.workload.ops import conv, linear, pooling

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
TABLE = Path(os.environ.get("BITFRONT_PUBLISHED", BESIDE)) / "fpga_published.md"
CHANNELS = ((3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256))
FEATURES = ((256, 512), (512, 512), (512, 12))
"""Of the linear layers; the last one's 10 outputs are filled up to its 4 rows at once."""
FORMATS = {"W1A1": ("binary", "binary"), "W2A2": ("int2", "int2")}
BOARD = "pynq_z1"
TIMES = {"W1A1": {"latency_s": 1541e-6, "throughput_per_s": 3000.0}}
"""Umuroglu, BNN-PYNQ overlays, QPYNQ workshop at RISE SICS, slide 4: CNV on a PYNQ at 100 MHz, 2 to 2.5 W."""


def cnv() -> Workload:
    """FINN-R's CIFAR-10 network: six 3 x 3 convolutions, 2 x 2 pooling after the second and fourth, three linear."""
    ops, size = [], 32
    for i, (channels_in, channels_out) in enumerate(CHANNELS):
        ops.append(conv(f"conv{i}", 1, channels_in, channels_out, input_size=(size, size), kernel=(3, 3)))
        size -= 2
        if i in (1, 3):
            window = Window(2, 2, 2, 2, size, size)
            ops.append(pooling(f"pool{i}", channels_out * size**2, channels_out * (size // 2) ** 2, window=window))
            size //= 2
    ops += [linear(f"fc{i}", 1, *features, bias=False) for i, features in enumerate(FEATURES)]
    return Workload("cnv", tuple(ops))


def print_all() -> None:
    """One design a paragraph: published, ours with its interval, FINN-R's, and our LUTs by part."""
    if not TABLE.is_file():
        print(f"whole designs: no table {TABLE.name} beside the repository")
        return
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        name = re.match(r"CNV-(W\dA\d)", cells[0])
        if name and name[1] in FORMATS:
            _design(name[1], cells)


def _design(name: str, cells: list[str]) -> None:
    workload, board = cnv(), device(BOARD)
    lanes = {"pool1": 16.0, "pool3": 16.0}
    pe, simd = (iter(float(x) for x in cell.split(",")) for cell in cells[2:4])
    rows = [(lanes[op.name], 1.0) if op.name in lanes else (next(pe), next(simd)) for op in workload.ops]
    pes, simds = np.array(rows).T
    folding = Folding(pes, simds, 0.0)
    weight, activation = FORMATS[name]
    chosen = {"*": f"{weight}/{activation}", "conv0": f"{weight}/int8"}
    found = estimate(workload, chosen, board, folding=folding)
    used = stack(fpga.carried(workload, per_op(workload, chosen)))
    blocks = [int(x) for x in re.findall(r"\d+", cells[6])]
    published = {"lut": float(cells[4].replace(",", "")), "ff": float(cells[5].replace(",", ""))}
    published |= {"bram18": 2.0 * blocks[0] + blocks[1], "dsp": float(cells[7])}
    print(f"CNV-{name}, predicted / published:")
    for resource, value in published.items():
        print(f"  {resource:7}{found.totals[resource]:8.0f} /{value:8.0f} = {found.totals[resource] / value:.2f}")
    if (told := TIMES.get(name)) is not None:
        took = {n: found.totals[n] for n in ("latency_s", "latency_low_s", "latency_high_s", "throughput_per_s")}
        print(f"  predicted {took}; published {told}")
    ends = [f"{r} {found.totals[f'{r}_low']:.0f}-{found.totals[f'{r}_high']:.0f}" for r in ("lut", "ff", "bram18")]
    print(f"  intervals, their upper ends from these two designs: {', '.join(ends)}")
    told = {n: found.totals[n] for n in ("static_power_w", "dynamic_power_w", "power_low_w", "power_high_w")}
    print("  power of the fabric: " + ", ".join(f"{n} {v:.2f}" for n, v in told.items()))
    theirs = fpga.finn_evaluate(workload.batch_of_ops, used, board, folding)
    if not np.isnan(theirs["lut"]).any():
        sums = {r: float(np.sum(theirs[r])) for r in ("lut", "bram18")}
        print("  FINN-R's formulas: " + ", ".join(f"{r} {v:.0f} = {v / published[r]:.2f}" for r, v in sums.items()))
    parts = lut_parts(workload.batch_of_ops, used, folding, kind=board.dsp_kind)
    print("  LUTs by part: " + ", ".join(f"{part} {float(np.sum(v)):.0f}" for part, v in parts.items()))
