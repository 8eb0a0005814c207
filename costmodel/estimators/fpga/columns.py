"""The columns and totals of a dataflow design."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from costmodel.estimators.fpga import finn_bram, finn_dsp, finn_lut
from costmodel.estimators.fpga.clock import clock_hz
from costmodel.estimators.fpga.coverage import covered
from costmodel.estimators.fpga.cycles import cycles, matrix_cycles, padding_cycles, window_cycles
from costmodel.estimators.fpga.dsp import dsp, in_dsp
from costmodel.estimators.fpga.energy import dynamic_j, power
from costmodel.estimators.fpga.layer import ff, lut_interval, lut_parts, synthesised
from costmodel.estimators.fpga.memory import fifo_bram18, line_bram18, weight_bram18, weight_place, weight_uram
from costmodel.estimators.fpga.passage import Passage, passage
from costmodel.estimators.fpga.traffic_bound import input_cycles, memory_cycles, moved_bytes
from costmodel.estimators.fpga.unit import Folding, on_fabric, streaming
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op, Workload

CALIBRATED, FINN, FORMULA, NONE = "synthesis-calibrated", "FINN-R formula", "formula", "no formula"


def evaluate(op: Op, precision: Precision, device: Fpga, folding: Folding) -> dict[str, Real]:
    """Return cycles, latency, energy and resources of one layer's unit, or of a batch; all arguments broadcast.

    Dot products are those synthesised in profilers/fpga; `lut_low` and `lut_high` hold their held-out errors. An op
    that is no unit has zeros here and stands in `uncounted`; formats that no model covers give nan. `latency_s` is how
    long a unit is busy with a pass, while others work on theirs.
    """
    resources = costs(op, precision, device, folding)
    interval, here = resources.pop("cycles"), on_fabric(op)
    lut_low, lut_high = resources.pop("interval")
    used = here | streaming(op)
    moved, own = moved_bytes(op, precision, folding), cycles(op, folding)
    busy = np.where(here & ~_matrix_bound(op, folding), "window", "compute")
    return {
        "cycles": interval,
        "latency_s": interval / clock_hz(op, precision, device),
        "bytes_moved": moved,
        **resources,
        "lut_low": lut_low,
        "lut_high": lut_high,
        "energy_j": dynamic_j(resources, interval, device),
        "pe": np.where(used, folding.pe, 0).astype(np.int64),
        "simd": np.where(here, folding.simd, 0).astype(np.int64),
        "products_in": np.where(here, np.where(in_dsp(precision, folding), "DSP", "LUT"), ""),
        "weights_in": weight_place(op, folding),
        "bound": np.where(used, np.where(memory_cycles(moved, device) > own, "memory", busy), "none"),
        "source": np.where(here & synthesised(device.dsp_kind), CALIBRATED, np.where(used, FORMULA, NONE)),
    }


def costs(op: Op, precision: Precision, device: Fpga, folding: Folding) -> dict[str, Any]:
    """Cycles, and whole numbers of resources, with the LUTs' interval: what a folding is chosen by."""
    unit = on_fabric(op) | streaming(op)
    known, memory = covered(precision) | ~unit, memory_cycles(moved_bytes(op, precision, folding), device)
    parts = lut_parts(op, precision, folding, kind=device.dsp_kind)
    low, high = lut_interval(parts, op, precision, folding, kind=device.dsp_kind)
    found = {
        "lut": np.ceil(sum(parts.values())),
        "ff": ff(op, precision, folding),
        "dsp": dsp(op, precision, folding, kind=device.dsp_kind),
    }
    return {
        "cycles": np.where(unit, np.maximum(cycles(op, folding), memory), 0.0),
        **memories(op, precision, folding),
        "interval": (np.where(known, low, np.nan), np.where(known, high, np.nan)),
        **{name: np.where(known, column, np.nan) for name, column in found.items()},
    }


def memories(op: Op, precision: Precision, folding: Folding) -> dict[str, Real]:
    """Blocks of block RAM and UltraRAM: what alone depends on where the folding puts the weights."""
    known = covered(precision) | ~(on_fabric(op) | streaming(op))
    blocks = weight_bram18(op, precision, folding) + line_bram18(op, precision, folding)
    blocks = blocks + fifo_bram18(op, precision, folding)
    ultra = weight_uram(op, precision, folding)
    return {"bram18": np.where(known, blocks, np.nan), "uram": np.where(known, ultra, np.nan)}


def finn_evaluate(op: Op, precision: Precision, device: Fpga, folding: Folding) -> dict[str, Real]:
    """The same by the published formulas alone, which know integers: FINN-R, doi 10.1145/3242897.

    FIFOs, data movers, width converters, pooling and sums are not in it.
    """
    here = on_fabric(op)
    interval = np.where(here, cycles(op, folding), 0.0)
    return {
        "cycles": interval,
        "latency_s": interval / device.clock_hz,
        "lut": finn_lut.lut(op, precision, folding),
        "dsp": finn_dsp.dsp(op, precision, folding, kind=device.dsp_kind),
        "bram18": finn_bram.bram18(op, precision, folding),
        "uram": finn_bram.uram(op, precision, folding),
        "pe": np.where(here, folding.pe, 0).astype(np.int64),
        "simd": np.where(here, folding.simd, 0).astype(np.int64),
        "bound": np.where(here, np.where(_matrix_bound(op, folding), "compute", "window"), "none"),
        "source": np.where(here, FINN, NONE),
    }


def totals(
    columns: Mapping[str, Any], workload: Workload, precision: Precision, device: Fpga, folding: Folding
) -> dict[str, float]:
    """Return what does not add up over the layers of a pipeline; `precision` and `folding` are batches over its ops.

    cycles            a new pass may enter that often (initiation interval): the slowest layer's, or those in which the
                      memory moves all bytes
    throughput_per_s  images or sequences a second at that interval
    latency_s         from the first input of a pass to its last output, with its bounds (`passage`)
    power_w           static and dynamic at that throughput, each under a name of its own too (`energy.power`)
    """
    longest = float(np.max(columns["cycles"]))
    interval = max(longest, float(memory_cycles(np.sum(columns["bytes_moved"]), device))) if longest else 0.0
    rates = columns["cycles"] / np.where(columns["latency_s"] > 0, columns["latency_s"], np.inf)
    clock = float(np.min(rates[columns["cycles"] > 0], initial=float(device.clock_hz)))
    passes = clock / interval if interval else np.nan
    took = through(workload, precision, device, folding, interval=interval)
    found = {"cycles": interval, "throughput_per_s": workload.batch * passes, "latency_s": took.cycles / clock}
    found |= {"latency_low_s": took.low / clock, "latency_high_s": took.high / clock, "clock_hz": clock}
    if "energy_j" in columns and interval:
        found |= power(float(np.sum(columns["energy_j"])) * passes, device)
    return found


def through(workload: Workload, precision: Precision, device: Fpga, folding: Folding, *, interval: float) -> Passage:
    """Cycles of a pass through the units, at least `interval` of them between passes, and of its memory."""
    streamed = moved_bytes(workload.batch_of_ops, precision, replace(folding, moved=0.0))
    return passage(
        workload,
        folding,
        interval=interval,
        input_cycles=input_cycles(workload, precision, device),
        stalls=memory_cycles(streamed, device),
    )


def _matrix_bound(op: Op, folding: Folding) -> Real:
    return matrix_cycles(op, folding) >= np.maximum(window_cycles(op, folding), padding_cycles(op, folding))
