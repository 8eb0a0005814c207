"""Answer a question: formats alone or with foldings, within the device or not, over the foldings that there are."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from app import folded
from app.optimization.designs import design
from app.optimization.question import Question, solve
from app.optimization.result import result
from costmodel.estimators.fit import RESOURCES
from costmodel.hardware import Device, Fpga
from dse import Budget, Plan, Problem
from dse.couplings import Couplings
from dse.folding import asked, bound, fastest, known, least, least_loss
from dse.foldings import LAST_S, among, best, laid_out, made_for
from dse.metric import METRICS
from dse.plan import InfeasibleError, deadline_in, left_s
from dse.restrictions import restricted


def optimise(question: Question) -> dict[str, Any]:
    """Solve the question; return the form of `bitfront optimize --json`.

    InfeasibleError where no plan meets the budgets.
    """
    on_fpga, deadline = isinstance(question.device, Fpga), deadline_in(question.time_limit_s)
    if question.fit and not on_fpga:
        raise ValueError(f"--fit is for an FPGA, and {question.device.name} is none")
    apart = question.objective == "loss" and not _together(question)
    problem = None if apart else question.choices.on(question.device)

    def answer(asked: Question, *, fit: bool) -> dict[str, Any]:
        return _chosen(asked, fit=fit) if problem is None else _folded_or_chosen(asked, problem)

    if question.objective != "loss" or not on_fpga or question.fit is False:
        return answer(question, fit=False)
    limited = question if question.fit else replace(question, time_limit_s=left_s(deadline, 2))
    try:
        return answer(limited, fit=True)
    except (InfeasibleError, TimeoutError) as error:
        if not question.fit:
            whole = replace(question, fit=False, time_limit_s=left_s(deadline))
            return _unfit(lambda: answer(whole, fit=False), error)
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


def _together(question: Question) -> bool:
    """Whether formats and foldings are chosen together for budgets of speed, all of which that search knows."""
    return asked(question.choices, question.device, question.budgets) and len(known(question.budgets)) == len(
        question.budgets
    )


def _chosen(question: Question, *, fit: bool, late: bool = False) -> dict[str, Any]:
    """The result of the best plan over the foldings made for the formats, with `fit` within the device.

    Where budgets ask for speed, what no design loses less than is sought, if that is not too `late`.
    """
    metrics = [*(budget.metric for budget in question.budgets), *[METRICS["lut"]] * fit]
    problems = laid_out(question.choices, question.device, metrics, question.budgets)
    budgets = [*question.budgets, *(_whole_device(question, problems[0].costs) if fit else ())]
    deadline = deadline_in(question.time_limit_s)
    relaxed = None
    if asked(question.choices, question.device, question.budgets):
        whole = restricted(problems[0], question.pins, question.allow)
        relaxed = least(whole) if late else bound(whole, budgets, _couplings(question, whole), deadline)
    share = left_s(deadline, len(problems))
    limited = replace(question, time_limit_s=share)
    try:
        plan, problem = best(problems, lambda each: solve(limited, each, budgets), budgets)
    except InfeasibleError as error:
        own = budgets[len(question.budgets) :]
        raise InfeasibleError(_of_its_own(str(error), own, question), error.least, alone=error.alone) from None
    if relaxed is None:
        plan = replace(plan, proven_within=among(question.choices, problems, [METRICS["loss"], *metrics]))
    else:
        plan = replace(plan, bound=min(relaxed, plan.objective))
    return result(question, problem, plan) | _folding_of(problem, problems)


def _whole_device(question: Question, names: Iterable[str]) -> list[Budget]:
    """The device's resources among these names as budgets."""
    return [METRICS[name] <= float(getattr(question.device, name)) for name in RESOURCES if name in names]


def _of_its_own(told: str, own: Sequence[Budget], question: Question) -> str:
    """A refusal that says of what the device has that it is the device's, where nobody gave that number."""
    for each in own:
        name, have = each.metric.name, f"{each.limit:.9g}"
        if all(b.limit > each.limit for b in question.budgets if b.metric.name == name):
            told = re.sub(
                rf"({name} is at least \S+) \(budget {have}\)", rf"\1 ({question.device.name} has {have})", told
            )
    return told


def _folding_of(problem: Problem, problems: Sequence[Problem]) -> dict[str, Any]:
    """Which format's folding the plan has, of those tried; nothing where there was no choice."""
    if problem.laid_for is None or len(problems) < 2:
        return {}
    return {"folding_of": made_for(problem), "foldings_tried": list(dict.fromkeys(map(made_for, problems)))}


def _couplings(question: Question, problem: Problem) -> Couplings:
    return Couplings.of(problem, question.ties, question.conversion, question.max_formats)


def _joint(question: Question, problem: Problem) -> Plan:
    """The plan of formats with foldings."""
    given: dict[str, Any] = {"subject_to": question.budgets, "time_limit_s": question.time_limit_s}
    given |= {"utilisation": math.inf} if question.fit is False else {}
    if question.objective != "loss":
        return fastest(problem, question.objective, **given)
    couplings = _couplings(question, problem)
    return least_loss(problem, couplings=couplings, **given)


def _folded_or_chosen(question: Question, problem: Problem) -> dict[str, Any]:
    """The result of choosing the folding too; where none is found in time, over the foldings made for the formats."""
    try:
        return _folded(question, problem)
    except TimeoutError as late:
        if question.objective != "loss":
            raise
        try:
            return _chosen(replace(question, time_limit_s=LAST_S), fit=question.fit is not False, late=True)
        except (InfeasibleError, TimeoutError):
            raise late from None


def _folded(question: Question, problem: Problem) -> dict[str, Any]:
    """The result of choosing the folding too, beside uniform designs and formats, then folding."""
    if question.objective != "loss":
        unfit = {"--tie": question.ties, "--conversion": question.conversion, "--max-formats": question.max_formats}
        folded.require_joint(question.objective, unfit)
    problem = restricted(problem, question.pins, question.allow)
    plan = _joint(question, problem)
    assert plan.problem is not None
    in_turn = folded.in_turn(problem, question.budgets)
    others = [design(question, own, name, "folded", choice) for name, own, choice in in_turn]
    return result(question, plan.problem, plan, others)
