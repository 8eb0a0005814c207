"""Which calibrations a prediction on a device may read, by the hash of each."""

import hashlib

from costmodel.estimators.fpga.site_calibration import MODEL as LUT_SITES
from costmodel.hardware import Device, Fpga, Gpu, names
from costmodel.hardware.calibration import files

DIGITS = 12
"""Hexadecimal digits of a SHA-256 that identify a content."""


def calibrations(device: Device) -> dict[str, str]:
    """The hash of each calibration file that a prediction on the device may read: of a CPU its own alone."""
    return {name: digest(*parts) for name, model, of, parts in files() if _concerns(device, model, of)}


def digest(*parts: bytes) -> str:
    """The first digits of the SHA-256 of the parts one after the other."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()[:DIGITS]


def _concerns(device: Device, model: str, of: str) -> bool:
    if isinstance(device, Gpu):
        return of == device.name or (model != LUT_SITES and of in names("gpu"))
    return model == LUT_SITES if isinstance(device, Fpga) else of == device.name
