"""Metric: a quantity of a design; comparing one with a number makes a budget."""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import SupportsFloat

import numpy as np

from costmodel.catalog import require
from costmodel.display import card, told
from costmodel.record import Real

ROUNDING = 1e-12
"""Relative: a sum of n floats in any order is within n of 1.1e-16 of the exact one, networks have thousands of ops."""


@dataclass(frozen=True, eq=False)
class Metric:
    """A quantity of a design by the name of its column.

    unit    the base unit, "" for counts
    better  "lower" or "higher"
    over    how layers combine: "sum", "max" (the slowest or largest counts) or "network" (of the network as a whole)
    """

    name: str
    unit: str = ""
    better: str = "lower"
    over: str = "sum"

    def __le__(self, limit: float) -> "Budget":
        return Budget(self, "<=", _number(self, limit))

    def __ge__(self, limit: float) -> "Budget":
        return Budget(self, ">=", _number(self, limit))

    def _repr_html_(self) -> str:
        return card(f"Metric {self.name}", {"unit": self.unit, "better": self.better, "over layers": self.over})


def _number(metric: Metric, limit: object) -> float:
    if not isinstance(limit, SupportsFloat) or isinstance(limit, str | bool | np.bool_):
        raise TypeError(f"{metric.name} is compared with a number, got {limit!r}; dse.parse_budget reads text")
    return float(limit)


@dataclass(frozen=True)
class Budget:
    """A limit on a metric, "<=" or ">=" it."""

    metric: Metric
    sense: str
    limit: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.limit) and self.limit >= 0):
            raise ValueError(
                f"the budget of {self.metric.name} must be a finite number of at least 0, got {self.limit}"
            )
        natural = "<=" if self.metric.better == "lower" else ">="
        if self.sense != natural:
            raise ValueError(f"a budget on {self.metric.name} is {natural} a number, got {self.sense} {self.limit:g}")

    @property
    def allowed(self) -> float:
        """The most, or least, that keeps the budget: sums of decimals, and in another order, miss it by roundings."""
        return self.limit * (1 + ROUNDING if self.sense == "<=" else 1 - ROUNDING)

    def met(self, value: Real) -> Real:
        """Whether a value keeps the budget, or each of an array."""
        return value <= self.allowed if self.sense == "<=" else value >= self.allowed

    def __str__(self) -> str:
        short = f"{self.limit:g}"
        return f"{self.metric.name} {self.sense} {short if float(short) == self.limit else repr(self.limit)}"

    def _repr_html_(self) -> str:
        allowed = f"{self.sense} {told(self.metric.name, self.limit)}"
        return card(f"Budget {self}", {self.metric.name: allowed, "over layers": self.metric.over})


loss = Metric("loss")
latency_s = Metric("latency_s", "s")
energy_j = Metric("energy_j", "J")
weight_bytes = Metric("weight_bytes", "B")
bytes_moved = Metric("bytes_moved", "B")
kv_bytes = Metric("kv_bytes", "B")
bops = Metric("bops")
lut = Metric("lut")
ff = Metric("ff")
dsp = Metric("dsp")
bram18 = Metric("bram18")
uram = Metric("uram")
cycles = Metric("cycles", over="max")
power_w = Metric("power_w", "W")
throughput_per_s = Metric("throughput_per_s", "1/s", better="higher", over="max")
peak_activation_bytes = Metric("peak_activation_bytes", "B", over="network")
footprint_bytes = Metric("footprint_bytes", "B", over="network")

METRICS = {metric.name: metric for metric in list(globals().values()) if isinstance(metric, Metric)}

NETWORK = tuple(name for name, metric in METRICS.items() if metric.over == "network")

NO_SUM = {
    "power_w": "it is energy_j at the rate that the plan has, and static power, no sum over layers; bound energy_j "
    "of a pass, beside throughput_per_s or latency_s"
}
"""Why a metric has no budget, and what to bound in its stead."""

FULLEST = "it is of the network's fullest moment, no sum over layers; bound it by a budget of dse.minimize"


def require_sum(what: str, name: str, known: Collection[str], device: str) -> str:
    """Return a name that is known of a device; ValueError says why where a metric has no sum, or not there."""
    if name not in METRICS or name in known:
        return require(what, name, known)
    why = NO_SUM.get(name) or (FULLEST if name in NETWORK else f"{device} tells none")
    raise ValueError(f"{name} is no {what}: {why}; there are {', '.join(sorted(known))}")


BINARY = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}
PREFIXES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_UNITS = {"B": "B", "s": "s", "J": "J", "W": "W", "/s": "1/s", "": ""}
SCALES = {
    **{prefix + unit: (unit, scale) for prefix, scale in PREFIXES.items() for unit in _UNITS},
    **{f"{prefix}B": ("B", scale) for prefix, scale in BINARY.items()},
}
"""The unit and the scale of what may follow a number."""


def parse_budget(text: str) -> Budget:
    """Read 'lut<=200e3', 'latency_s <= 12ms', 'weight_bytes<=25MB'; units are the metric's.

    Prefixes are decimal, KiB to TiB binary. UnknownNameError lists near metrics; ValueError says what is wrong with the
    number or unit.
    """
    number = r"([-+]?(?:[0-9.]+(?:[eE][-+]?[0-9]+)?|nan|inf))"
    match = re.fullmatch(rf"\s*([A-Za-z_]\w*)\s*(<=|>=)\s*{number}\s*(|[^\W\d_/]+|\w*/\w*)\s*", text)
    if not match:
        raise ValueError(f"a budget must be like lut<=200e3 or latency_s<=12ms, got {text!r}")
    name, sense, number, given = match.groups()
    metric = METRICS[require("metric", name, METRICS)]
    if given not in SCALES:
        raise ValueError(f"{no_unit(given)}; {name} is in {metric.unit or 'plain counts'}, got {text!r}")
    unit, scale = SCALES[given]
    if unit and _UNITS[unit] != metric.unit:
        raise ValueError(f"{name} is in {metric.unit or 'plain counts'}, got {text!r}")
    try:
        limit = float(Decimal(number) * Decimal(repr(scale)))
    except ArithmeticError:
        raise ValueError(f"a budget must be like lut<=200e3 or latency_s<=12ms, got {text!r}") from None
    return Budget(metric, sense, limit)


def no_unit(given: str) -> str:
    """That what follows a number is no unit, and which one it may be."""
    near = next((known for known in SCALES if known.lower() == given.lower()), "")
    return f"{given} is no unit" + f", did you mean {near}?" * bool(near)
