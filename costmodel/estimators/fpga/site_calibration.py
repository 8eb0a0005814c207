"""The constants of LUT sites: one calibration a circuit and device family."""

from functools import cache

from costmodel.catalog import require
from costmodel.hardware.calibration import Calibration, calibrations

MODEL = "lut_sites"


def calibration(circuit: str = "dot", family: str = "xc7") -> Calibration:
    """The calibration of a circuit: the user's own, or the shipped one."""
    found = calibrated(family)
    return found[require(f"circuit calibrated on {family}", circuit, found)]


@cache
def calibrated(family: str = "xc7") -> dict[str, Calibration]:
    """The calibrations of a device family by circuit."""
    return {fit.math: fit for fit in calibrations(MODEL) if fit.device == family}
