"""Rates and the seconds that they allow: the rate told of a plan, as a budget, admits that plan."""

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Seconds = TypeVar("Seconds", float, NDArray[np.float64])


def rate_per_s(took_s: Seconds, batch: float = 1.0) -> Seconds:
    """Images or sequences a second of passes of a batch that take that long each."""
    return 1.0 / (took_s / batch)


def longest_s(rate: float, batch: float = 1.0) -> float:
    """The most seconds a pass at which `rate_per_s` is no less than a rate; inf for a rate of 0."""
    if not rate:
        return math.inf
    found = batch / rate
    while rate_per_s(found, batch) < rate:
        found = math.nextafter(found, 0.0)
    while rate_per_s(longer := math.nextafter(found, math.inf), batch) >= rate:
        found = longer
    return found
