"""One setting of a method on one trained network."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """What a setting costs, nan where that is not known, and how good the network is with it.

    `costs` and `is_quality` name the two numbers, equal in all rows of a study; `beside` has what else was measured of
    the network, by name, nan where it is not finite.
    """

    network: str
    setting: str
    costs: str
    cost: float
    is_quality: str
    quality: float
    seed: int
    beside: Mapping[str, float] = field(default_factory=dict)
