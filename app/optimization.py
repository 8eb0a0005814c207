"""One optimisation as a result to print, report and read again: the plan beside uniform and reference designs."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from app import folded
from app.fpga_design import told
from app.provenance import provenance
from app.results import fitting, layers
from app.sensitivity import told as additive
from costmodel.estimators.fit import RESOURCES
from costmodel.hardware import Device, Fpga
from dse import Budget, Choices, Plan, Problem, front, minimize
from dse.folding import asked, fastest, least_loss
from dse.foldings import made_for, solved
from dse.metric import METRICS, loss
from dse.plan import InfeasibleError
from dse.restrictions import restricted
from dse.sensitivity.additivity import SEED

Data = Any

FRONT_POINTS = 300


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


def optimise(question: Question) -> dict[str, Any]:
    """Solve the question; return the form of `bitfront optimize --json`.

    InfeasibleError where no plan meets the budgets.
    """
    on_fpga = isinstance(question.device, Fpga)
    if question.fit and not on_fpga:
        raise ValueError(f"--fit is for an FPGA, and {question.device.name} is none")
    if question.objective != "loss" or (question.fit is False and _together(question)):
        return _folded(question, question.choices.on(question.device))
    if not on_fpga or question.fit is False:
        return _chosen(question, fit=False)
    half = question.time_limit_s and question.time_limit_s / 2
    limited = question if question.fit else replace(question, time_limit_s=half)
    try:
        if _together(question):
            return _folded(limited, question.choices.on(question.device))
        return _chosen(limited, fit=True)
    except (InfeasibleError, TimeoutError) as error:
        if not question.fit:
            return _unfit(limited, error)
        if isinstance(error, TimeoutError):
            raise
        told = f"{error}; with --fit the resources of {question.device.name} are budgets"
        raise InfeasibleError(told, error.least) from None


def _unfit(question: Question, refused: Exception) -> dict[str, Any]:
    """The plan that need not fit, with why none does; the refusal where there is none either."""
    try:
        found = _chosen(question, fit=False)
    except InfeasibleError as error:
        raise (refused if isinstance(refused, InfeasibleError) else error) from None
    return found if found["fits"] else found | {"unfit_because": str(refused)}


def _together(question: Question) -> bool:
    """Whether formats and foldings are chosen together for budgets of speed."""
    coupled = bool(question.ties or question.conversion is not None or question.max_formats)
    return asked(question.choices, question.device, question.budgets, coupled=coupled)


def _chosen(question: Question, *, fit: bool) -> dict[str, Any]:
    """The result of the best plan over the foldings made for the formats, with `fit` within the device."""
    metrics = [*(budget.metric for budget in question.budgets), *[METRICS["lut"]] * fit]
    share = question.time_limit_s and question.time_limit_s / len(question.choices.formats)
    limited = replace(question, time_limit_s=share)

    def solve(problem: Problem) -> Plan:
        whole = _whole_device(question, problem.costs) if fit else []
        return _solve(limited, problem, [*question.budgets, *whole])

    told = [*question.budgets, *(_whole_device(question, METRICS) if fit else ())]
    plan, problem, problems = solved(question.choices, question.device, metrics, solve, told)
    return _result(question, problem, plan, [str(b) for b in question.budgets]) | _folding_of(problem, problems)


def _whole_device(question: Question, names: Iterable[str]) -> list[Budget]:
    """The device's resources among these names as budgets."""
    return [METRICS[name] <= float(getattr(question.device, name)) for name in RESOURCES if name in names]


def _folding_of(problem: Problem, problems: Sequence[Problem]) -> dict[str, Any]:
    """Which format's folding the plan has, of those tried; nothing where there was no choice."""
    if problem.laid_for is None or len(problems) < 2:
        return {}
    return {"folding_of": made_for(problem), "foldings_tried": list(dict.fromkeys(map(made_for, problems)))}


def _folded(question: Question, problem: Problem) -> dict[str, Any]:
    """The result of choosing the folding too, beside uniform designs and formats in turn, each folded for itself."""
    if question.objective != "loss":
        unfit = {"--tie": question.ties, "--conversion": question.conversion, "--max-formats": question.max_formats}
        folded.require_joint(question.objective, unfit)
    problem = restricted(problem, question.pins, question.allow)
    if question.fit:  # what has no budget is within `dse.folding.UTILISATION` of the device as it is
        bounded = {budget.metric.name for budget in question.budgets}
        question = replace(question, budgets=[*question.budgets, *_whole_device(question, bounded)])
    given: dict[str, Any] = {"subject_to": question.budgets, "time_limit_s": question.time_limit_s}
    given |= {"utilisation": math.inf} if question.fit is False else {}
    plan = (
        least_loss(problem, **given) if question.objective == "loss" else fastest(problem, question.objective, **given)
    )
    assert plan.problem is not None
    uniform = [(name, problem.uniform(i)) for i, name in _whole(problem)]
    designs = [(name, folded.folded(problem, choice, question.budgets), choice) for name, choice in uniform]
    designs += folded.in_turn(problem, question.budgets)
    others = [_design(question, own, name, "folded", choice) for name, own, choice in designs]
    return _result(question, plan.problem, plan, [str(b) for b in question.budgets], others)


def of_plan(plan: Plan, *, model: str = "", device: str = "", ties: Sequence[Sequence[str]] = ()) -> dict[str, Any]:
    """The same of a plan of `dse.minimize`, beside its problem's uniform designs; ValueError for one of bare arrays.

    model, device  as they are spelled, by default their own names
    ties           of the fronts beside the plan
    """
    problem = plan.problem
    if problem is None:
        raise ValueError("a plan of bare arrays has no layer names; solve a problem made by dse.choices")
    choices = Choices(problem.workload, problem.spelled or problem.names)
    names = (model or problem.workload.name, device or problem.device.name)
    question = Question(*names, problem.device, choices, (), ties)
    return _result(question, problem, plan, list(plan.subject_to))


def _result(
    question: Question, problem: Problem, plan: Plan, budgets: list[str], others: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The result of a plan; `others` stand beside it instead of uniform designs, whose fronts are of one folding."""
    found = plan.estimate()
    designs = [*_reference(question), *(_uniform(question, problem) if others is None else others)]
    designs += _same_cost(question, problem, designs)
    designs.append(_design(question, problem, "plan", "plan", plan.choice))
    return (
        {
            "model": question.model,
            "device": question.device_name,
            "formats": dict(zip(question.choices.formats, problem.names, strict=True)),
            "metric": question.objective,
            "budgets": budgets,
            "loss_source": problem.loss_source,
            "chosen": "plan",
            "assignment": plan.assignment,
            "not_chosen": _not_chosen(problem),
        }
        | {name: getattr(plan, name) for name in ("objective", "bound", "gap", "proven", "solver")}
        | {
            "totals": dict(found.totals),
            **fitting(found.totals, problem.device),
            "designs": designs,
            "fronts": _fronts(question, problem) if others is None else {},
            "layers": layers(found, problem.ranges),
            "batch": problem.workload.batch,
            "covers": problem.workload.covers,
            "notes": told(found),
            "uncounted": list(found.uncounted),
            "provenance": _provenance(question),
        }
        | _additivity(plan)
        | _measured(question, designs)
        | _roofs(question.device, problem)
    )


def _measured(question: Question, designs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many examples accuracy was measured on, and which uniform designs within the budgets beat the plan there."""
    if question.test is None or "accuracy" not in designs[-1]:
        return {}
    uniform = [d for d in designs if d["kind"] == "uniform" and d["fits"] >= designs[-1]["fits"]]
    within = [d for d in uniform if all(_meets(d["totals"], budget) for budget in question.budgets)]
    better = [d["name"] for d in within if d["accuracy"] > designs[-1]["accuracy"]]
    tested, score = len(question.test[1]), designs[-1]["accuracy"]
    return {
        "tested": tested,
        "accuracy_standard_error": (score * (1 - score) / tested) ** 0.5,
        "measured_better": better,
    }


def _meets(totals: Mapping[str, float], budget: Budget) -> bool:
    value = totals.get(budget.metric.name, np.nan)
    return bool(value <= budget.limit if budget.sense == "<=" else value >= budget.limit)


def _not_chosen(problem: Problem) -> dict[str, str]:
    """The format of each layer with weights that is no choice: the widest."""
    chosen = set(problem.layers)
    return {name: problem.names[problem.rest] for name in problem.workload.layers if name not in chosen}


def _provenance(question: Question) -> dict[str, Any]:
    module = question.choices.module
    seed = None if module is None else SEED
    return provenance({question.device_name: question.device}, [question.model], module=module, seed=seed)


def _additivity(plan: Plan) -> dict[str, Any]:
    """How well the summed losses order random assignments measured whole; empty where losses are not measured."""
    found = plan.additivity
    if found is None:
        return {}
    return {"additivity": additive(found)}


def _solve(question: Question, problem: Problem, budgets: Sequence[Budget]) -> Plan:
    return minimize(
        loss,
        over=problem,
        subject_to=budgets,
        ties=question.ties,
        pins=question.pins,
        allow=question.allow,
        conversion=question.conversion,
        max_formats=question.max_formats,
        time_limit_s=question.time_limit_s,
    )


def _fronts(question: Question, problem: Problem) -> dict[str, list[list[float]]]:
    """Points (cost, loss) of the exact predicted fronts of the costs that are whole or stored, at most FRONT_POINTS."""
    found = {
        cost: front(problem, [loss, METRICS[cost]], question.ties).points[:, ::-1]
        for cost in ("weight_bytes", "lut")
        if cost in problem.costs
    }
    return {cost: points[:: max(1, -(-len(points) // FRONT_POINTS))].tolist() for cost, points in found.items()}


def _reference(question: Question) -> list[dict[str, Any]]:
    if question.choices.module is None or question.test is None:
        return []
    from dse.sensitivity import accuracy

    params = float(question.choices.workload.batch_of_ops.params.sum())
    totals = {"params": params, "weight_bytes": 4 * params}
    score = accuracy(question.choices.module, question.test)
    return [{"name": "fp32", "kind": "reference", "totals": totals, "loss": 0.0, "accuracy": score}]


def _uniform(question: Question, problem: Problem) -> list[dict[str, Any]]:
    return [_design(question, problem, name, "uniform", problem.uniform(i)) for i, name in _whole(problem)]


def _whole(problem: Problem) -> list[tuple[int, str]]:
    """The options that every layer may take."""
    return [(i, name) for i, name in enumerate(problem.names) if np.isfinite(problem.loss[:, i]).all()]


def _same_cost(question: Question, problem: Problem, designs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The plan within the cost of each uniform design."""
    wanted = [(d, cost) for cost in question.same_cost for d in designs if d["kind"] == "uniform"]
    return [
        _design(
            question,
            problem,
            f"plan at {cost} of {design['name']}",
            f"plan at the same {cost}",
            _solve(question, problem, [METRICS[cost] <= design["totals"][cost]]).choice,
        )
        for design, cost in wanted
    ]


def _design(question: Question, problem: Problem, name: str, kind: str, choice: Any) -> dict[str, Any]:
    totals = dict(problem.estimate(choice).totals)
    design = {
        "name": name,
        "kind": kind,
        "assignment": problem.assignment(choice),
        "totals": totals,
        "loss": problem.total_loss(choice),
        **fitting(totals, problem.device),
    }
    if question.choices.module is not None and question.test is not None:
        from dse.sensitivity import accuracy, apply

        ranges = question.choices.sensitivity(problem.options).ranges
        design["accuracy"] = accuracy(apply(question.choices.module, problem.precisions(choice), ranges), question.test)
    return design


def _roofs(device: Device, problem: Problem) -> dict[str, Any]:
    """What a figure needs of the device: its roofs, or its resources."""
    if isinstance(device, Fpga):
        return {"available": {r: have for r in RESOURCES if r in problem.costs and (have := getattr(device, r))}}
    pipes = dict.fromkeys(option.math_pipe for option in problem.options)
    peaks = {pipe: float(np.asarray(device.peak_flops.of(pipe))) for pipe in pipes}
    return {"peaks": peaks, "memory_bytes_per_s": float(device.memory_bytes_per_s)}
