"""Whether a design is one that its device, or its cache, can hold."""

from collections.abc import Mapping

import numpy as np

from costmodel.hardware import Device, Fpga, Gpu
from costmodel.record import Real

RESOURCES = ("lut", "ff", "dsp", "bram18", "uram")
"""What an FPGA has a number of."""


def in_memory(footprint_bytes: Real, device: Device) -> Real:
    """Whether weights, caches, activations and training states lie in a device's memory at once."""
    return np.asarray(footprint_bytes) <= device.memory_bytes


def in_l2(footprint_bytes: Real, device: Device) -> Real:
    """Whether all of that fits a GPU's L2, so that a pass finds its weights where the one before it left them."""
    return np.asarray(footprint_bytes) <= device.l2_bytes if isinstance(device, Gpu) else False


def beyond(totals: Mapping[str, float], device: Device) -> dict[str, float | None]:
    """Return of what a design takes more than its device has, and its share of that: None where the device has none.

    An FPGA's resources, and its memory where an overlay keeps the network there; any other device's memory.
    """
    have = {name: float(getattr(device, name)) for name in RESOURCES if name in totals and isinstance(device, Fpga)}
    if not isinstance(device, Fpga) or "rows" in totals:
        have["footprint_bytes"] = float(device.memory_bytes)
    over = {name: amount for name, amount in have.items() if totals.get(name, 0.0) > amount}
    return {name: totals[name] / amount if amount else None for name, amount in over.items()}
