"""Plan: one option a layer, with what it costs and how good it is proven to be."""

import math
import numbers
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeGuard

import numpy as np
from numpy.typing import NDArray

from costmodel import display

if TYPE_CHECKING:
    from costmodel import Estimate
    from dse.metric import Budget
    from dse.problem import Problem
    from dse.sensitivity.additivity import Additivity

PROVEN_RTOL = 1e-9
"""A plan is proven when its bound is within this fraction of its objective."""


SHOWN_LAYERS = 24
"""Layers that a notebook shows of a plan."""


class InfeasibleError(ValueError):
    """No choice meets every budget; `least` maps each budgeted cost to the least value found possible.

    `alone` where a budget is impossible whatever the others are.
    """

    def __init__(self, message: str, least: Mapping[str, float], *, alone: bool = False) -> None:
        super().__init__(message)
        self.least = dict(least)
        self.alone = alone

    def _repr_html_(self) -> str:
        return display.card("InfeasibleError: the least of each", self.least, notes=(str(self),))


def deadline_in(time_limit_s: float | None) -> float:
    """The `time.monotonic` at which a time is up, inf without one; ValueError on what is no time above 0."""
    require_time(time_limit_s)
    return math.inf if time_limit_s is None else time.monotonic() + time_limit_s


def require_time(time_limit_s: object) -> None:
    """ValueError on a time limit that is none: above 0, or None."""
    if time_limit_s is not None and not (_is_number(time_limit_s) and time_limit_s > 0):
        raise ValueError(f"time_limit_s must be seconds above 0, got {time_limit_s!r}")


def require_formats(max_formats: object) -> None:
    """ValueError on a number of formats that is none: at least 1 and whole, or None."""
    if max_formats is not None and not (_is_number(max_formats) and max_formats >= 1 and max_formats % 1 == 0):
        raise ValueError(f"max_formats must be at least 1 and whole, got {max_formats!r}")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def left_s(deadline: float, parts: int = 1) -> float | None:
    """Seconds left to one of some parts before a `time.monotonic`, a moment where it is past; None if it is inf."""
    return None if math.isinf(deadline) else max((deadline - time.monotonic()) / parts, 1e-3)


def certainty(proven: bool, gap: float, within: str = "", *, interrupted: bool = False) -> str:
    """How sure a plan is, in words; `within` as `Plan.proven_within`, and whether its search was interrupted."""
    among = f" among {within}" if within else ""
    said = f"proven optimal{among}" if proven else f"within {gap:.2%} of the optimum{among}"
    return f"{said}, interrupted" if interrupted else said


@dataclass(frozen=True)
class Plan:
    """The chosen option of each layer.

    choice     int[layers], indices of options
    objective  summed loss (and conversion cost) of the choice
    bound      no choice within the budgets has a lower objective than this
    solver     the method that found it
    totals     the sum of each cost; of a named problem all that the whole network costs, as `estimate` tells it
    problem    the named problem it solves, None for bare arrays
    subject_to the budgets that it keeps, as text
    proven_within  what the bound holds for where not for every plan, as "foldings made for each format"; "" for all
    interrupted whether Ctrl-C ended the search for it
    """

    choice: NDArray[np.int64]
    objective: float
    bound: float
    solver: str
    totals: Mapping[str, float]
    problem: "Problem | None" = field(default=None, repr=False)
    subject_to: tuple[str, ...] = ()
    proven_within: str = ""
    interrupted: bool = False

    @property
    def gap(self) -> float:
        """(objective - bound) / |objective|: how far from the optimum the plan may be."""
        difference = self.objective - self.bound
        return difference / abs(self.objective) if difference > 0 and self.objective else max(difference, 0.0)

    @property
    def proven(self) -> bool:
        """Whether the plan is optimal up to a relative 1e-9."""
        return self.objective - self.bound <= PROVEN_RTOL * abs(self.objective)

    @property
    def assignment(self) -> dict[str, str]:
        """Each layer's option by name."""
        return self._named.assignment(self.choice)

    @property
    def additivity(self) -> "Additivity | None":
        """How well the losses that the plan sums were found to add up, with a warning where they do not; or None."""
        return self.problem.additivity if self.problem else None

    def of(self, problem: "Problem", subject_to: Sequence["Budget"] = ()) -> "Plan":
        """The plan as that of a problem within budgets, its totals all that the problem knows of its choice."""
        totals = {**problem.totals(self.choice), "loss": problem.total_loss(self.choice)}
        return replace(self, problem=problem, totals=totals, subject_to=tuple(map(str, subject_to)))

    def estimate(self) -> "Estimate":
        """What the whole network costs under the assignment."""
        return self._named.estimate(self.choice)

    @property
    def _named(self) -> "Problem":
        if self.problem is None:
            raise ValueError("a plan of bare arrays has no layer names; solve a problem made by dse.choices")
        return self.problem

    def _repr_html_(self) -> str:
        state = certainty(self.proven, self.gap, self.proven_within, interrupted=self.interrupted)
        names = self.assignment if self.problem else {f"layer {i}": f"option {o}" for i, o in enumerate(self.choice)}
        rows = [{"name": layer, "format": option} for layer, option in names.items()]
        warning = (self.additivity and self.additivity.warning) or ""
        about = f"Plan: {self.objective:.6g}, {state} ({self.solver})"
        title = f"The first {SHOWN_LAYERS} of {len(rows)} layers" if len(rows) > SHOWN_LAYERS else "Layers"
        return display.card(about, self.totals, notes=(warning,)) + display.table(
            f"{title}; .assignment has all", rows[:SHOWN_LAYERS], ("name", "format")
        )
