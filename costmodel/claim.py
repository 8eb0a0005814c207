"""Claim: a published number and how to reproduce it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

KINDS = ("analytic", "hardware", "training")


@dataclass(frozen=True)
class Claim:
    """A published number with its source.

    `kind` is analytic (arithmetic suffices), hardware or training (needs a run elsewhere: context, never reproduced).
    `reproduce` computes the value in the published unit; `rtol` is the relative tolerance the source's rounding allows.
    `gap` says why a claim is known not to reproduce.
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

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, got {self.kind!r}")
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
        """Return reproduced, contradicted, hardware or training."""
        if self.reproduce is None:
            return self.kind
        return "reproduced" if self.rel_error() <= self.rtol else "contradicted"

    def rel_error(self) -> float:
        """Return |reproduced - published| / |published|, nan where nothing was computed; of a published 0, 0 or inf."""
        difference = abs(self.reproduced() - self.published)
        if self.published == 0:
            return math.inf if difference > 0 else difference
        return difference / abs(self.published)


@dataclass(frozen=True)
class NoFigure:
    """A system of which no figure was read in its source: `what` it is said to do there, and `source`."""

    system: str
    what: str
    source: str
