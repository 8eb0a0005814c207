"""Fpga: the resources of one programmable device and its memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import nan

from costmodel import display
from costmodel.record import Real

DSP_KINDS = ("DSP48E1", "DSP48E2", "DSP58", "IntelDSP")


@dataclass(frozen=True)
class Fpga:
    """An FPGA in base units; `bram18` counts 18 Kb halves, `uram` 288 Kb blocks, `clock_hz` a usual design clock.

    `power_w` is a card's limit, `static_w` what the powered chip takes without switching, near room temperature.
    `toggle_rate` is of the design on it: the share of its signals that change in a cycle, 12.5 % in a vendor's estimate
    of a design that it knows nothing of (AMD, Vivado Design Suite User Guide: Power Analysis and Optimization, UG907).
    """

    name: str
    lut: Real
    ff: Real
    bram18: Real
    uram: Real
    dsp: Real
    dsp_kind: str
    clock_hz: Real
    memory_bytes: Real
    memory_bytes_per_s: Real
    power_w: Real = nan
    process_m: Real = nan
    static_w: Real = nan
    toggle_rate: Real = 0.125
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def usable(self, fraction: float) -> "Fpga":
        """The device with that fraction of its LUT, FF, BRAM, URAM and DSP: routing leaves none with all of them."""
        if not 0 < fraction <= 1:
            raise ValueError(f"fraction must be within (0, 1], got {fraction}")
        scaled = {r: getattr(self, r) * fraction for r in ("lut", "ff", "bram18", "uram", "dsp")}
        return replace(self, **scaled)

    def _repr_html_(self) -> str:
        return display.device(self)
