"""Claim: a published number and how to reproduce it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

KINDS = ("analytic", "hardware", "training")
HOWS = {
    "formula": "a formula of the source gives a figure that was printed",
    "count": "our count of a network, or of a unit's parts, gives a figure that was printed",
    "refit": "published data, fitted here, give a constant that was printed",
    "run": "nobody printed it: others' code was run for it",
    "evaluated": "nobody printed it: the source's formula was evaluated for it",
    "fitted": "constants here were chosen to give it",
    "definition": "the source's definition in numbers, or one of its figures converted",
}
"""How an analytic figure comes about; the first three are of printed figures that something else computes here."""
INDEPENDENT = ("formula", "count", "refit")


@dataclass(frozen=True)
class Claim:
    """A published number with its source, or one that checks a formula here against its source.

    `kind` is analytic (arithmetic suffices), hardware or training (needs a run elsewhere: context, never reproduced).
    `reproduce` computes the value in the published unit; `rtol` is the relative tolerance the source's rounding allows.
    `gap` says why a claim is known not to reproduce; `how` is one of HOWS, of an analytic claim alone.
    """

    system: str
    id: str
    quantity: str
    source: str
    kind: str
    published: float
    reproduce: Callable[[], float] | None = None
    rtol: float = 0.02
    gap: str = ""
    how: str = "formula"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.how not in HOWS:
            raise ValueError(f"how must be one of {', '.join(HOWS)}, got {self.how!r}")
        if not (math.isfinite(self.published) and self.rtol >= 0):
            raise ValueError(f"published must be finite and rtol at least 0, got {self.published} and {self.rtol}")
        if (self.kind == "analytic") != (self.reproduce is not None):
            raise ValueError(f"an analytic claim, and no other, needs reproduce: {self.system} {self.id}")

    def reproduced(self) -> float:
        """Compute the value once, or nan where no formula can."""
        return self._value

    @cached_property
    def _value(self) -> float:
        return float(self.reproduce()) if self.reproduce else math.nan

    def verdict(self) -> str:
        """Return reproduced, contradicted, hardware or training; check where what agrees is no independent figure."""
        if self.reproduce is None:
            return self.kind
        if not self.rel_error() <= self.rtol:
            return "contradicted"
        return "reproduced" if self.how in INDEPENDENT else "check"

    def rel_error(self) -> float:
        """Return |reproduced - published| / |published|, nan where nothing was computed; of a published 0, 0 or inf."""
        difference = abs(self.reproduced() - self.published)
        if self.published == 0:
            return math.inf if difference > 0 else difference
        return difference / abs(self.published)


@dataclass(frozen=True)
class NoFigure:
    """A system of which no figure was read in its source: `what` it is said to do there, and `source`.

    `kind` is what its figures would be of: hardware or training.
    """

    system: str
    what: str
    source: str
    kind: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS[1:]:
            raise ValueError(f"kind must be one of {', '.join(KINDS[1:])}, got {self.kind!r}")
