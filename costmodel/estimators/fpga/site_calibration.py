"""The constants of LUT sites: one calibration a circuit and device family."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from costmodel.catalog import require
from costmodel.hardware.calibration import Calibration, calibrations

MODEL = "lut_sites"

_INSTEAD: ContextVar[dict[tuple[str, str], Calibration]] = ContextVar("instead", default={})  # noqa: B039 never edited


def calibration(circuit: str = "dot", family: str = "xc7") -> Calibration:
    """The calibration of a circuit: the user's own, or the shipped one."""
    if own := _INSTEAD.get().get((family, circuit)):
        return own
    found = calibrated(family)
    return found[require(f"circuit calibrated on {family}", circuit, found)]


@contextmanager
def instead(found: Iterable[Calibration]) -> Iterator[None]:
    """Within it, circuits have these calibrations: what is fitted on others' takes theirs of the same fit."""
    known = _INSTEAD.get() | {(fit.device, fit.math): fit for fit in found}
    token = _INSTEAD.set(known)
    try:
        yield
    finally:
        _INSTEAD.reset(token)


@cache
def calibrated(family: str = "xc7") -> dict[str, Calibration]:
    """The calibrations of a device family by circuit."""
    return {fit.math: fit for fit in calibrations(MODEL) if fit.device == family}
