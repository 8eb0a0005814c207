"""Formats and foldings of an FPGA's layers together, and in turn: designs of their own foldings to compare."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from costmodel.estimators.fpga import Design, fold
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.workload import Workload
from dse import Budget, Problem, minimize
from dse.folding_layout import room
from dse.metric import METRICS
from dse.plan import InfeasibleError

Lay = Callable[[Workload, Precision, Fpga], Design]

IN_TURN = "formats, then folding"
"""The design whose formats take the fewest LUTs within the loss, folded after."""


def in_turn(problem: Problem, budgets: Sequence[Budget], **rules: Any) -> list[tuple[str, Problem, Any]]:
    """The design of formats first, by the rules of `minimize`, and folding after, none where no formats meet the
    budget of loss."""
    losses = [budget for budget in budgets if budget.metric.name == "loss"]
    try:
        plan = minimize(METRICS["lut"], over=problem, subject_to=losses, **rules)
    except InfeasibleError:
        return []
    return [(IN_TURN, folded(problem, plan.choice, budgets), plan.choice)]


def folded(problem: Problem, choice: Any, budgets: Sequence[Budget], design: Lay = fold) -> Problem:
    """The problem folded for the formats of a choice, within the budgets' resources."""
    assert isinstance(problem.device, Fpga)
    folding = design(problem.workload, problem.carried(choice), room(problem.device, budgets))
    return replace(problem, folding=folding, laid_for=None)
