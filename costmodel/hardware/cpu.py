"""Cpu: what was measured of a processor on the machine itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan

from costmodel import display
from costmodel.hardware.gpu import PeakFlops
from costmodel.precision import Precision
from costmodel.record import Real


@dataclass(frozen=True)
class Cpu:
    """A processor in base units: sustained rates of `cores` cores together; `sources` cites each value.

    `amid_s` is what a library call takes longer amid others than repeated, as profilers time it.
    """

    name: str
    peak_flops: PeakFlops
    memory_bytes: Real
    memory_bytes_per_s: Real
    cores: Real
    memory_kind: str = ""
    l2_bytes: Real = nan
    clock_hz: Real = nan
    power_w: Real = nan
    process_m: Real = nan
    amid_s: Real = nan
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def flops_per_s(self, precision: Precision) -> Real:
        """Sustained peak of the pipe that multiplies weights by activations at that precision."""
        return self.peak_flops.of(precision.math_pipe)

    def _repr_html_(self) -> str:
        return display.device(self)
