"""Which linear layers can be narrowed: kept apart from the modules, which need torch."""

from costmodel.record import Real

SIDES = 16
"""Both sides are multiples of this, or the library's fp8 product does not take them."""


def fits(n: Real, k: Real) -> Real:
    """Whether a layer of those sides is narrowed."""
    return (n % SIDES == 0) & (k % SIDES == 0)
