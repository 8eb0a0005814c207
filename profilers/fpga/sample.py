"""Random designs, uniform over units: the population that LUT models are fitted and judged on."""

from collections.abc import Sequence

import numpy as np

from costmodel.catalog import require
from profilers.fpga.design import MOST_TERMS, Design
from profilers.fpga.draw_unit import TERMS, UNITS, Terms

DEFAULT = ("product", "dot")
OTHERS = tuple(unit for unit in UNITS if unit not in DEFAULT)
MOST_IN_VAIN = 10_000
"""Draws without a new design, after which there are hardly any more."""


def sample(number: int, seed: int, units: Sequence[str] = DEFAULT, terms: Terms = TERMS) -> list[Design]:
    """Distinct LUT-mapped designs, uniform over the units, as `draw_unit` draws each.

    terms: fewest and most of dot products of numbers (binary and MX ones have bounds of their own). The same seed gives
    the same list, and a longer one begins with it. UnknownNameError on a unit, ValueError where the units have fewer
    designs than asked for.
    """
    if number < 0:
        raise ValueError(f"number must not be negative, got {number}")
    if not 1 <= terms[0] <= terms[1] <= MOST_TERMS:
        raise ValueError(f"terms must be a range within 1 to {MOST_TERMS}, got {terms[0]} to {terms[1]}")
    draws = [UNITS[require("unit", unit, UNITS)] for unit in units]
    rng = np.random.default_rng(seed)
    found: dict[Design, None] = {}
    in_vain = 0
    while len(found) < number:
        before = len(found)
        found[draws[rng.integers(len(draws))](rng, terms)] = None
        in_vain = 0 if len(found) > before else in_vain + 1
        if in_vain > MOST_IN_VAIN:
            raise ValueError(f"{', '.join(units)}: no more than {before} different designs were found, got {number=}")
    return list(found)
