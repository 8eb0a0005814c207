"""One setting of a method on one trained network."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What a setting costs, nan where that is not known, and how good the network is with it.

    `costs` and `is_quality` name the two numbers, equal in all rows of a study.
    """

    network: str
    setting: str
    costs: str
    cost: float
    is_quality: str
    quality: float
    seed: int
