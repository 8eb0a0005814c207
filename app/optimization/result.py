"""One optimisation as a result to print, report and read again: the plan beside uniform and reference designs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.fpga_design import told
from app.optimization.designs import beside, design, same_cost, share_a_layout
from app.optimization.question import Question
from app.provenance import provenance
from app.results import FIXED, fitting, layers
from app.sensitivity import told as additive
from costmodel.estimators.fit import RESOURCES
from costmodel.hardware import Device, Fpga
from dse import Budget, Choices, Plan, Problem, front, parse_budget
from dse.metric import METRICS, loss
from dse.restrictions import restricted
from dse.sensitivity.additivity import SEED

Floats = NDArray[np.float64]

SCORES = ("accuracy", "r2")
"""What held-out data say of a design, by what its outputs are: `dse.sensitivity.evaluate.Score`."""
FRONT_POINTS = 300
"""About how many points of a front are kept to draw it; those around a design are kept beside them."""


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
    question = Question(*names, problem.device, choices, [parse_budget(text) for text in plan.subject_to], ties)
    return result(question, problem, plan)


def result(
    question: Question, problem: Problem, plan: Plan, others: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """The result of a plan, in the form of `bitfront optimize --json`; `others` stand among the designs beside it."""
    found = plan.estimate()
    designs = [*beside(question, problem), *others]
    designs += same_cost(question, problem, designs)
    chosen = design(question, problem, "plan", "plan", plan.choice)
    designs.append(chosen)
    fronts = _fronts(question, problem)
    thinned = {cost: _thinned(points, _costs(designs, cost)) for cost, points in fronts.items()}
    return (
        {
            "model": question.model,
            "device": question.device_name,
            "formats": dict(zip(question.choices.formats, problem.names, strict=True)),
            "metric": question.objective,
            "budgets": [str(budget) for budget in question.budgets],
            "loss_source": problem.loss_source,
            "chosen": "plan",
            "assignment": plan.assignment,
            "not_chosen": _not_chosen(problem),
        }
        | _fixed(question, problem)
        | {name: getattr(plan, name) for name in ("objective", "bound", "gap", "proven", "proven_within", "solver")}
        | {
            "totals": chosen["totals"],
            **fitting(chosen["totals"], problem.device),
            "designs": designs,
            "shared_layout": share_a_layout(question, problem),
            "fronts": {cost: points.tolist() for cost, points in thinned.items()},
            "front_points": {cost: {"kept": len(thinned[cost]), "of": len(fronts[cost])} for cost in fronts},
            "layers": layers(found, problem.ranges),
            "batch": problem.workload.batch,
            "covers": problem.workload.covers,
            "notes": told(found),
            "uncounted": list(found.uncounted),
            "provenance": _provenance(question),
        }
        | ({"interrupted": True} if plan.interrupted else {})
        | _additivity(plan)
        | _measured(question, designs)
        | _roofs(question.device, problem)
    )


def _fixed(question: Question, problem: Problem) -> dict[str, str]:
    """What a plan is no optimum of where pins, or a single format, leave each layer one: nothing to choose."""
    left = np.isfinite(restricted(problem, question.pins, question.allow).loss).sum(axis=1)
    return {"fixed": FIXED} if question.objective == "loss" and (left == 1).all() else {}


def _measured(question: Question, designs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many examples the score is of, and which uniform designs within the budgets beat the plan there."""
    key = next((key for key in SCORES if key in designs[-1]), None)
    if question.test is None or key is None:
        return {}
    uniform = [d for d in designs if d["kind"] == "uniform" and d["fits"] >= designs[-1]["fits"]]
    within = [d for d in uniform if all(_meets(d["totals"], budget) for budget in question.budgets)]
    better = [d["name"] for d in within if d[key] > designs[-1][key]]
    tested, score = len(question.test[1]), designs[-1][key]
    sure = {"accuracy_standard_error": (score * (1 - score) / tested) ** 0.5} if key == "accuracy" else {}
    return {"tested": tested, **sure, "measured_better": better}


def _meets(totals: Mapping[str, float], budget: Budget) -> bool:
    return bool(budget.met(totals.get(budget.metric.name, np.nan)))


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


def _fronts(question: Question, problem: Problem) -> dict[str, Floats]:
    """Points (cost, loss) of the exact predicted fronts of bytes and, where designs share a layout, LUTs."""
    costs = ("weight_bytes", *["lut"] * share_a_layout(question, problem))
    return {
        cost: front(problem, [loss, METRICS[cost]], question.ties).points[:, ::-1]
        for cost in costs
        if cost in problem.costs
    }


def _costs(designs: Sequence[Mapping[str, Any]], cost: str) -> list[float]:
    return [d["totals"][cost] for d in designs if cost in d["totals"]]


def _thinned(points: Floats, costs: Sequence[float]) -> Floats:
    """Every k-th of float[points, 2] by rising cost, both ends, and the points around each of the costs.

    Drawn as steps that hold a point's loss up to the next, no design of those costs comes to lie below them.
    """
    last = len(points) - 1
    after = np.searchsorted(points[:, 0], costs, side="right")
    evenly = np.arange(0, last + 1, max(1, -(-len(points) // FRONT_POINTS)))
    kept = np.concatenate([evenly, [last], after - 1, after])
    found: Floats = points[np.unique(np.clip(kept, 0, last))]
    return found


def _roofs(device: Device, problem: Problem) -> dict[str, Any]:
    """What a figure needs of the device: its roofs, or its resources."""
    if isinstance(device, Fpga):
        return {"available": {r: have for r in RESOURCES if r in problem.costs and (have := getattr(device, r))}}
    pipes = dict.fromkeys(option.math_pipe for option in problem.options)
    peaks = {pipe: float(np.asarray(device.peak_flops.of(pipe))) for pipe in pipes}
    return {"peaks": peaks, "memory_bytes_per_s": float(device.memory_bytes_per_s)}
