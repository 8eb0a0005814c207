"""Answer a question: formats alone or with foldings, within the device or not, over the foldings that there are."""

import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from app import folded
from app.optimization.designs import design
from app.optimization.question import Question, solve
from app.optimization.result import result
from costmodel.estimators.fit import RESOURCES
from costmodel.hardware import Device, Fpga
from costmodel.precision import precision
from dse import Problem
from dse.couplings import Couplings
from dse.folding import fastest
from dse.folding_refusals import SPEEDS
from dse.foldings import made_for
from dse.metric import METRICS
from dse.over_foldings import Rules, Sought
from dse.plan import InfeasibleError, deadline_in, left_s
from dse.restrictions import restricted


def optimise(question: Question) -> dict[str, Any]:
    """Solve the question; return the form of `bitfront optimize --json`.

    InfeasibleError where no plan meets the budgets.
    """
    on_fpga, deadline = isinstance(question.device, Fpga), deadline_in(question.time_limit_s)
    if question.fit and not on_fpga:
        raise ValueError(f"--fit is for an FPGA, and {question.device.name} is none")
    if question.objective != "loss":
        return _fastest(question) if on_fpga else _quickest(question)
    if not on_fpga or question.fit is False:
        return _least(question, fit=False)
    limited = question if question.fit else replace(question, time_limit_s=left_s(deadline, 2))
    try:
        return _least(limited, fit=True)
    except (InfeasibleError, TimeoutError) as error:
        if not question.fit:
            whole = replace(question, time_limit_s=left_s(deadline))
            return _unfit(lambda: _least(whole, fit=False), error)
        if isinstance(error, TimeoutError):
            raise
        raise _of_device(error, question.device) from None


def _of_device(error: InfeasibleError, device: Device) -> InfeasibleError:
    """The refusal with a word on the device's resources, unless these do not matter."""
    if error.alone and all(error.least.get(name, 0.0) <= getattr(device, name) for name in RESOURCES):
        return error
    return InfeasibleError(f"{error}; with --fit the resources of {device.name} are budgets", error.least)


def _unfit(answer: Callable[[], dict[str, Any]], refused: Exception) -> dict[str, Any]:
    """The plan that need not fit, with why none does; the refusal where there is none either."""
    try:
        found = answer()
    except InfeasibleError as error:
        raise (refused if isinstance(refused, InfeasibleError) else error) from None
    return found if found["fits"] else found | {"unfit_because": str(refused)}


def _least(question: Question, *, fit: bool) -> dict[str, Any]:
    """The result of the plan of least loss, with `fit` within the device."""
    rules = Rules(question.ties, question.pins, question.allow, question.conversion, question.max_formats)
    sought = Sought(
        METRICS["loss"],
        question.choices,
        question.device,
        question.budgets,
        rules,
        deadline_in(question.time_limit_s),
        fit=fit,
        utilisation=1.0 if fit else math.inf,
    )
    try:
        found = sought.best(
            lambda problem, budgets, time_s: solve(replace(question, time_limit_s=time_s), problem, budgets)
        )
    except InfeasibleError as error:
        told = _of_its_own(str(error), question) if fit else str(error)
        raise InfeasibleError(told, error.least, alone=error.alone) from None
    speeds = any(budget.metric.name in SPEEDS for budget in question.budgets)
    beside = found.unfolded if speeds and not found.plan.interrupted else None
    others = _in_turn(question, beside) if beside else []
    return result(question, found.problem, found.plan, others) | _folding_of(question, found.problem, found.problems)


def _of_its_own(told: str, question: Question) -> str:
    """A refusal that says of what the device has that it is the device's, where nobody gave that number."""
    for name in RESOURCES:
        limit = float(getattr(question.device, name))
        if all(b.limit > limit for b in question.budgets if b.metric.name == name):
            told = re.sub(
                rf"({name} is at least \S+) \(budget {limit:.9g}\)",
                rf"\1 ({question.device.name} has {limit:.9g})",
                told,
            )
    return told


def _folding_of(question: Question, problem: Problem, problems: Sequence[Problem]) -> dict[str, Any]:
    """Which format's folding the plan has, of those tried; nothing where there was no choice and none was asked."""
    if question.laid_for:
        name = precision(question.laid_for).name
        return {"folding_of": name, "foldings_tried": [name]}
    if problem.laid_for is None or len(problems) < 2:
        return {}
    return {"folding_of": made_for(problem), "foldings_tried": list(dict.fromkeys(map(made_for, problems)))}


def _fastest(question: Question) -> dict[str, Any]:
    """The result of the plan of the best rate or latency, beside formats and folding in turn."""
    _require_unconverted(question)
    given: dict[str, Any] = {"subject_to": question.budgets, "time_limit_s": question.time_limit_s}
    given |= {"utilisation": math.inf} if question.fit is False else {}
    problem = _restricted(question)
    given["couplings"] = Couplings.of(problem, question.ties, max_formats=question.max_formats)
    plan = fastest(problem, question.objective, **given)
    assert plan.problem is not None
    return result(question, plan.problem, plan, [] if plan.interrupted else _in_turn(question, problem))


def _quickest(question: Question) -> dict[str, Any]:
    """The result of the plan of least latency where nothing is folded; of those as quick the one that loses least."""
    _require_unconverted(question)
    deadline, problem = deadline_in(question.time_limit_s), question.choices.on(question.device)
    plan = solve(question, problem, question.budgets, METRICS["latency_s"])
    told = {name: getattr(plan, name) for name in ("objective", "bound", "solver", "subject_to", "interrupted")}
    as_quick = [*question.budgets, METRICS["latency_s"] <= plan.totals["latency_s"]]
    if not plan.interrupted:
        with suppress(TimeoutError):
            plan = solve(replace(question, time_limit_s=left_s(deadline)), problem, as_quick)
    return result(question, problem, replace(plan, **told))


def _require_unconverted(question: Question) -> None:
    if question.conversion is not None:
        raise ValueError(f"--conversion adds to the loss: leave it out, or --objective {question.objective}")


def _in_turn(question: Question, problem: Problem) -> list[dict[str, Any]]:
    """Designs of formats first and folding after."""
    found = folded.in_turn(problem, question.budgets, ties=question.ties, max_formats=question.max_formats)
    return [design(question, own, name, "folded", choice) for name, own, choice in found]


def _restricted(question: Question) -> Problem:
    return restricted(question.choices.on(question.device), question.pins, question.allow)
