"""The columns and totals of a design."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from costmodel.estimators.fpga.bram import bram18, uram
from costmodel.estimators.fpga.cycles import cycles, matrix_cycles, window_cycles
from costmodel.estimators.fpga.dsp import dsp
from costmodel.estimators.fpga.lut import lut
from costmodel.estimators.fpga.unit import Folding, on_fabric
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op


def evaluate(op: Op, precision: Precision, device: Fpga, folding: Folding) -> dict[str, Real]:
    """Return cycles, latency and resources of one layer's unit, or of a batch; all arguments broadcast.

    Weights stay on the chip. An op that is no unit has zeros here and stands in `uncounted`; formats that no formula
    covers give nan. FINN-R, doi 10.1145/3242897; FIFOs, data movers and width converters are not in it.
    """
    interval = cycles(op, folding)
    matrix_bound = matrix_cycles(op, folding) >= window_cycles(op, folding)
    here = on_fabric(op)
    return {
        "cycles": interval,
        "latency_s": interval / device.clock_hz,
        "lut": lut(op, precision, folding),
        "dsp": dsp(op, precision, folding, kind=device.dsp_kind),
        "bram18": bram18(op, precision, folding),
        "uram": uram(op, precision, folding),
        "pe": np.where(here, folding.pe, 0).astype(np.int64),
        "simd": np.where(here, folding.simd, 0).astype(np.int64),
        "bound": np.where(here, np.where(matrix_bound, "compute", "window"), "none"),
        "source": np.where(here, "FINN-R formula", "no formula"),
    }


def totals(columns: Mapping[str, Any], device: Fpga) -> dict[str, float]:
    """Return what does not add up over the layers of a pipeline.

    cycles            the slowest layer's: a new pass may enter that often (initiation interval)
    throughput_per_s  passes a second at that interval
    latency_s         from input to output if no two layers overlapped: the sum of their cycles, a pessimistic bound
    """
    interval = float(np.max(columns["cycles"]))
    throughput = device.clock_hz / interval if interval else np.nan
    latency_s = float(np.sum(columns["cycles"]) / device.clock_hz)
    return {"cycles": interval, "throughput_per_s": throughput, "latency_s": latency_s}
