"""What to optimise, and its solution on one problem."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from costmodel.hardware import Device
from dse import Budget, Choices, Plan, Problem, minimize
from dse.metric import Metric, loss

Data = Any


@dataclass(frozen=True)
class Question:
    """What to optimise: the spelling of model and device, the choices, the budgets, and data held out for accuracy."""

    model: str
    device_name: str
    device: Device
    choices: Choices
    budgets: Sequence[Budget]
    ties: Sequence[Sequence[str]] = ()
    pins: Mapping[str, str] = field(default_factory=dict)
    allow: Mapping[str, Sequence[str]] = field(default_factory=dict)
    conversion: float | None = None
    max_formats: int | None = None
    time_limit_s: float | None = None
    test: Data = None
    same_cost: Sequence[str] = ()
    """Costs at which the plan of each uniform design's size is added."""
    objective: str = "loss"
    """What is least or, of throughput, most: another than loss chooses the folding of an FPGA's units too."""
    fit: bool | None = None
    """Whether the plan must fit the FPGA; None: it does where any of the foldings has one that does."""
    laid_for: str = ""
    """The precision that the choices' one folding is made for, where that was asked."""


def solve(question: Question, problem: Problem, budgets: Sequence[Budget], metric: Metric = loss) -> Plan:
    """The plan of least loss, or of another metric, of one problem, within these budgets and as the question restricts
    it."""
    return minimize(
        metric,
        over=problem,
        subject_to=budgets,
        ties=question.ties,
        pins=question.pins,
        allow=question.allow,
        conversion=question.conversion,
        max_formats=question.max_formats,
        time_limit_s=question.time_limit_s,
    )
