"""The designs beside a plan: the reference, uniform widths, and plans of the same size, each one laid out by one rule.

A dataflow is folded for the design's own formats in the room that budgets leave, as plans are, and an overlay has the
array that is best for them; what a file or a caller lays out is the same for all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from app.folded import folded
from app.optimization.question import Question, solve
from app.results import fitting
from costmodel.estimators.fpga import Array, overlay
from costmodel.estimators.fpga.overlay import NoArrayError
from costmodel.hardware import Fpga
from dse import Problem
from dse.foldings import folds
from dse.metric import METRICS


def beside(question: Question, problem: Problem) -> list[dict[str, Any]]:
    """The reference, and a uniform design for each format that every layer may take."""
    choices = [(name, problem.uniform(i)) for i, name in enumerate(problem.names) if _everywhere(problem, i)]
    return _reference(question) + [
        design(question, _own(question, problem, choice), name, "uniform", choice) for name, choice in choices
    ]


def share_a_layout(question: Question, problem: Problem) -> bool:
    """Whether all designs of an FPGA are laid out alike."""
    array = isinstance(problem.folding, Array)
    own = _fits(question) if array else folds(question.choices)
    return not (isinstance(problem.device, Fpga) and own)


def _fits(question: Question) -> bool:
    """Whether an overlay's array is made for the formats."""
    return getattr(question.choices.design, "func", question.choices.design) is overlay.fit


def _own(question: Question, problem: Problem, choice: Any) -> Problem:
    """The problem laid out for a choice."""
    if share_a_layout(question, problem):
        return problem
    if not isinstance(problem.folding, Array):
        return folded(problem, choice, question.budgets, question.choices.design)
    assert isinstance(problem.device, Fpga)
    try:
        own = question.choices.design(problem.workload, problem.carried(choice), problem.device)
    except NoArrayError:
        return problem
    return replace(problem, folding=own, laid_for=None)


def _everywhere(problem: Problem, option: int) -> bool:
    return bool(np.isfinite(problem.loss[:, option]).all())


def _reference(question: Question) -> list[dict[str, Any]]:
    if question.choices.module is None or question.test is None:
        return []
    params = float(question.choices.workload.batch_of_ops.params.sum())
    totals = {"params": params, "weight_bytes": 4 * params}
    score = _score(question, question.choices.module)
    return [{"name": "fp32", "kind": "reference", "totals": totals, "loss": 0.0, **score}]


def _score(question: Question, module: Any) -> dict[str, float]:
    """How good a module is on the held-out data: {"accuracy"} of classes and of yes or no, {"r2"} of values.

    Nothing where what outputs are cannot be told and the loss is one that needs not know it.
    """
    from dse.sensitivity.evaluate import evaluate

    any_outputs = question.choices.method == "mse" or question.choices.loss_fn is not None
    found = evaluate(module, question.test, loss_fn=_no_loss if any_outputs else None)
    return {name: value for name in ("accuracy", "r2") if (value := getattr(found, name)) is not None}


def _no_loss(_: Any, targets: Any) -> Any:
    return targets.new_zeros(())


def same_cost(question: Question, problem: Problem, designs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The plan within the cost of each uniform design."""
    wanted = [(d, cost) for cost in question.same_cost for d in designs if d["kind"] == "uniform"]
    return [
        design(
            question,
            problem,
            f"plan at {cost} of {uniform['name']}",
            f"plan at the same {cost}",
            solve(question, problem, [METRICS[cost] <= uniform["totals"][cost]]).choice,
        )
        for uniform, cost in wanted
    ]


def design(question: Question, problem: Problem, name: str, kind: str, choice: Any) -> dict[str, Any]:
    """A design's assignment, totals and loss, whether it fits, and its accuracy or R2 where that can be measured."""
    totals = problem.totals(choice)
    found = {
        "name": name,
        "kind": kind,
        "assignment": problem.assignment(choice),
        "totals": totals,
        "loss": problem.total_loss(choice),
        **fitting(totals, problem.device),
    }
    if question.choices.module is not None and question.test is not None:
        from dse.sensitivity import apply

        ranges = question.choices.sensitivity(problem.options).ranges
        found |= _score(question, apply(question.choices.module, problem.precisions(choice), ranges))
    return found
