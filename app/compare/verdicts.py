"""Which design is best in a metric, as far as ranges tell, and how the others compare with a reference."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.explore.designs import HIGHER

HIGHER_IS_BETTER = HIGHER | {"tokens_per_s"}
ALIKE = 1e-9
"""Values that differ by a smaller share are equal."""

BEST, AMONG, OTHER = "best", "among", ""
Value = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """A design's standing in a metric.

    standing   best, or as good as it; among the best, where ranges overlap with that of the best value; or neither
    best       which design has the best value
    factor     its value as a multiple of the reference's, nan where there is none
    within     the least and most of that multiple which both ranges allow; the multiple itself without ranges
    certain    whether its range and the reference's do not overlap
    """

    standing: str
    best: int
    factor: float
    within: tuple[float, float]
    certain: bool


def differ(values: Sequence[Value | None]) -> bool:
    """Whether designs differ in a metric."""
    known = [value["value"] for value in values if value is not None]
    return len(known) < len(values) or max(known) - min(known) > ALIKE * max(map(abs, known))


def verdicts(metric: str, values: Sequence[Value | None], reference: int, *, ranked: bool = True) -> list[Verdict]:
    """The verdict of each design on a metric that at least one of them has."""
    signed = [_signed(metric, value) for value in values]
    best = min(range(len(values)), key=lambda i: signed[i])
    standing = [OTHER] * len(values)
    if ranked and differ(values) and sum(value is not None for value in values) > 1:
        near = [i for i, value in enumerate(values) if overlap(value, values[best])]
        alone = not differ([values[i] for i in near])
        for i in near:
            standing[i] = BEST if alone else AMONG
    base = values[reference]
    return [
        Verdict(s, best, _factor(v, base), _within(v, base), not overlap(v, base))
        for s, v in zip(standing, values, strict=True)
    ]


def overlap(first: Value | None, second: Value | None) -> bool:
    """Whether the ranges of two values meet; a value without one is a point."""
    if first is None or second is None:
        return False
    slack = ALIKE * abs(first["value"])
    return bool(_low(first) <= _high(second) + slack and _low(second) <= _high(first) + slack)


def _signed(metric: str, value: Value | None) -> float:
    if value is None:
        return math.inf
    return float(-value["value"] if metric in HIGHER_IS_BETTER else value["value"])


def _factor(value: Value | None, base: Value | None) -> float:
    if value is None or base is None or base["value"] == 0:
        return math.nan
    return float(value["value"] / base["value"])


def _within(value: Value | None, base: Value | None) -> tuple[float, float]:
    if value is None or base is None or _low(base) <= 0:
        return math.nan, math.nan
    return _low(value) / _high(base), _high(value) / _low(base)


def _low(value: Value) -> float:
    return float(value.get("low", value["value"]))


def _high(value: Value) -> float:
    return float(value.get("high", value["value"]))
