"""Numbers within their bounds: a ValueError in one line has the name, the bounds and the value."""

import numpy as np
from numpy.typing import NDArray

from costmodel.record import Real


def require_within(low: float, high: float, **given: Real) -> None:
    """ValueError for a number, or one of an array, outside [low, high]; nan is outside."""
    for name, values in given.items():
        _require(
            values, (np.asarray(values) >= low) & (np.asarray(values) <= high), name, f"within [{low:g}, {high:g}]"
        )


def require_at_least(low: float, **given: Real) -> None:
    """The same for one below `low`."""
    for name, values in given.items():
        _require(values, np.asarray(values) >= low, name, f"at least {low:g}")


def require_above(low: float, **given: Real) -> None:
    """The same for one that is not above `low`."""
    for name, values in given.items():
        _require(values, np.asarray(values) > low, name, f"above {low:g}")


def _require(values: Real, fits: NDArray[np.bool_], name: str, bounds: str) -> None:
    if not np.all(fits):
        raise ValueError(f"{name} must be {bounds}, got {np.asarray(values)[~np.asarray(fits)].ravel()[0]}")
