"""Gpu: what a graphics processor's data sheet says, and the dense peak of each math pipe."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import nan

import numpy as np

from costmodel import display
from costmodel.precision import Precision
from costmodel.record import Real

MEMORY_KINDS = ("HBM", "GDDR", "DDR", "LPDDR")


@dataclass(frozen=True)
class PeakFlops:
    """Dense FLOP/s (integer pipes: OP/s) of each math pipe; nan where the device has no such pipe.

    `vector` is the rate of fp32 arithmetic outside the matrix units.
    """

    vector: Real = nan
    fp64: Real = nan
    fp32: Real = nan
    tf32: Real = nan
    fp16: Real = nan
    bf16: Real = nan
    fp8: Real = nan
    fp6: Real = nan
    fp4: Real = nan
    int8: Real = nan
    int4: Real = nan

    def of(self, pipe: Real) -> Real:
        """The peak of the named pipe, or of an array of names."""
        if isinstance(pipe, str):
            return getattr(self, pipe)
        peaks = {f.name: getattr(self, f.name) for f in fields(self)}
        found: Real = np.full(np.broadcast_shapes(np.shape(pipe), np.shape(self.vector)), nan)
        for name in peaks.keys() & set(np.ravel(pipe).tolist()):
            found = np.where(pipe == name, peaks[name], found)
        return found


@dataclass(frozen=True)
class Gpu:
    """A GPU in base units; `process_m` is the name of its process node, `sources` cites each value.

    `memory_kind` is one of MEMORY_KINDS, "" where it is not known; `link_bytes_per_s` counts both directions together
    and `link` names what carries them to other GPUs (hardware/links), "" where nothing does;
    `storage_bytes_per_s` is that of reading what holds weights beyond the memory, nan where the host's memory does;
    `backend` names the software whose measured kernels are meant (trtllm, vllm, ...), "" all of them together;
    `sparse_speedup` is the rate of tensor cores on 2:4 sparse weights over the dense one, 1 without such a mode.
    """

    name: str
    peak_flops: PeakFlops
    memory_bytes: Real
    memory_bytes_per_s: Real
    l2_bytes: Real
    sm_count: Real
    clock_hz: Real
    power_w: Real
    memory_kind: str = ""
    process_m: Real = nan
    link_bytes_per_s: Real = nan
    link: str = ""
    storage_bytes_per_s: Real = nan
    sparse_speedup: Real = 1.0
    backend: str = ""
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def flops_per_s(self, precision: Precision) -> Real:
        """Dense peak of the pipe that multiplies weights by activations at that precision."""
        return self.peak_flops.of(precision.math_pipe)

    def _repr_html_(self) -> str:
        return display.device(self)
