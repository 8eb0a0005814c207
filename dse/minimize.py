"""The optimizer's face: the plan of least loss, or of least cost, within budgets."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from costmodel.catalog import require
from costmodel.estimators.fpga import Array, overlay
from costmodel.hardware import Device, Fpga
from dse import folding, foldings, moments, outputs
from dse.choices import Choices
from dse.couplings import Couplings
from dse.metric import NETWORK, NO_SUM, Budget, Metric, loss
from dse.passed import Passed, improved
from dse.plan import InfeasibleError, Plan, deadline_in, left_s
from dse.problem import Floats, Problem
from dse.rates import longest_s
from dse.restrictions import restricted
from dse.tables import read

Solve = Callable[[Mapping[str, float], Mapping[str, Floats]], Plan]
"""The plan within limits of sums, with some tables in place of the problem's."""


def minimize(
    metric: Metric,
    *,
    over: Choices | Problem,
    on: Device | None = None,
    subject_to: Sequence[Budget] = (),
    ties: Sequence[Sequence[str]] | str = (),
    pins: Mapping[str, str] | None = None,
    allow: Mapping[str, Sequence[str]] | None = None,
    conversion: ArrayLike | None = None,
    max_formats: int | None = None,
    time_limit_s: float | None = None,
) -> Plan:
    """Return the plan that minimises a metric that adds up over layers, usually `loss`, within every budget.

    over        what `choices` gives, with a device `on`, or a Problem made before. Of choices on an FPGA, budgets of
                speed choose formats and foldings together (`dse.folding.least_loss`); without them the plan is the
                best over the foldings made for each format (`dse.foldings`), and `Plan.proven_within` says so, as with
                budgets that `least_loss` does not know: these keep its bound for the others
    ties        groups of layer names that must share an option; "fused" for the layers that servers run as one product,
                "residual" for those whose outputs are added (`dse.neighbours`), "fused,residual" for both
    pins        {layer glob: format} that those layers must take
    allow       {layer glob: formats} among which those layers choose
    conversion  what the metric gains for each tensor that passes between layers of different formats: a number, or
                float[options, options]

    InfeasibleError says which budget is impossible and its least value, TypeError what is none of these kinds.
    Throughput and cycles limit each layer's options; peak activation memory is met by adding the moments at which a
    plan exceeds it.
    """
    _require_kinds(metric, over, on, subject_to)
    deadline = deadline_in(time_limit_s)
    if isinstance(over, Choices):
        edits: dict[str, Any] = {"ties": ties, "conversion": conversion, "max_formats": max_formats}
        return _over_foldings(metric, over, _required(on), subject_to, edits, (pins or {}, allow or {}), deadline)
    problem = restricted(over, pins or {}, allow or {})
    if metric.name in problem.slowest:
        edits = {"ties": ties, "conversion": conversion, "max_formats": max_formats}
        return _least_of_slowest(metric, problem, subject_to, edits, deadline)
    limits = Limits.of(problem, subject_to)
    tables = {"loss": limits.problem.loss, **limits.problem.costs}
    require("metric to minimise", metric.name, [*tables, *problem.slowest])
    couplings = Couplings.of(limits.problem, ties, conversion, max_formats)

    def solve(sums: Mapping[str, float], edited: Mapping[str, Floats]) -> Plan:
        lacking = np.isinf(limits.problem.loss)
        given = {name: np.where(lacking, 0.0, table) for name, table in {**tables, **edited}.items()}
        objective = np.where(lacking, np.inf, given[metric.name])
        arrays = read(objective, given, sums, couplings.groups, couplings.conversion, couplings.edges)
        return moments.solve(problem, arrays, limits.peaks, max_formats, deadline)

    free = not (couplings or limits.peaks)
    plan = _as_evaluated(limits.problem, metric.name, limits.sums, solve, free=free)
    return replace(plan, problem=problem, subject_to=tuple(str(b) for b in subject_to))


def _as_evaluated(problem: Problem, metric: str, sums: Mapping[str, float], solve: Solve, *, free: bool) -> Plan:
    """The plan that keeps its budgets as it is evaluated; where outputs add to the metric, that is its objective.

    Tables that price outputs in their own layer's format find it, such as price them at the least prove its bound and
    refuse what no plan does. Where nothing else ties layers, `free`, changes of one or two of them improve it.
    """
    names = outputs.coupled(problem, {metric, *sums})
    if not names:
        return solve(sums, {})
    passed = Passed(problem, names)
    least = passed.least()
    relaxed = solve(sums, least)
    limits = {name: sums[name] for name in names if name in sums}

    def spent(plan: Plan) -> Mapping[str, float]:
        return problem.totals(plan.choice)

    try:
        plan = outputs.keeping(lambda shifted: solve({**sums, **shifted}, {}), spent, limits)
    except InfeasibleError:
        plan = outputs.keeping(lambda shifted: solve({**sums, **shifted}, least), spent, limits)
    if metric in names:
        plan = replace(plan, objective=spent(plan)[metric])
    if free:
        plan = improved(passed, plan, metric, sums)
    return replace(plan, bound=min(relaxed.bound, plan.objective))


def _least_of_slowest(
    metric: Metric, problem: Problem, subject_to: Sequence[Budget], edits: Mapping[str, Any], deadline: float
) -> Plan:
    """The plan of least loss among those whose slowest layer decides a metric for the best.

    Its objective and bound are of the metric, of throughput the seconds an image.
    """
    table = problem.slowest[metric.name]
    available = np.where(np.isfinite(problem.loss), table, np.inf)
    values = np.unique(available[(available >= available.min(axis=1).max()) & np.isfinite(available)])
    low, high = 0, len(values) - 1
    found = minimize(loss, over=problem, subject_to=subject_to, **edits, time_limit_s=left_s(deadline))
    while low < high and time.monotonic() <= deadline:
        middle = (low + high) // 2
        faster = problem.within(metric.name, values[middle])
        try:
            found = minimize(loss, over=faster, subject_to=subject_to, **edits, time_limit_s=left_s(deadline))
            high = middle
        except InfeasibleError:
            low = middle + 1
        except TimeoutError:
            break
    reached = float(table[np.arange(len(table)), found.choice].max())
    return replace(found, objective=reached, bound=float(values[low]), problem=problem)


def _over_foldings(
    metric: Metric,
    over: Choices,
    device: Device,
    subject_to: Sequence[Budget],
    edits: Mapping[str, Any],
    kept: tuple[Mapping[str, str], Mapping[str, Sequence[str]]],
    deadline: float,
) -> Plan:
    """The best plan over formats with foldings where speed is asked for, else over foldings made for each format."""
    bound = None
    if metric is loss and folding.asked(over, device, subject_to):
        problem = restricted(over.on(device), *kept)
        couplings, known = Couplings.of(problem, **edits), folding.known(subject_to)
        if len(known) == len(subject_to):
            return folding.least_loss(
                problem, subject_to=subject_to, couplings=couplings, time_limit_s=left_s(deadline)
            )
        bound = folding.bound(problem, known, couplings, deadline)
    metrics = [metric, *(budget.metric for budget in subject_to)]
    problems = foldings.laid_out(over, device, metrics, subject_to)
    left = len(problems)

    def solve(problem: Problem) -> Plan:
        nonlocal left
        share, left = left_s(deadline, left), left - 1
        pins, allow = kept
        return minimize(
            metric, over=problem, subject_to=subject_to, pins=pins, allow=allow, time_limit_s=share, **edits
        )

    plan = foldings.best(problems, solve, subject_to)[0]
    if bound is None:
        return replace(plan, proven_within=foldings.among(over, problems, metrics))
    return replace(plan, bound=min(bound, plan.objective))


def _require_kinds(metric: object, over: object, on: object, subject_to: object) -> None:
    """TypeError with the call that makes the right object of a likely wrong one."""
    if not isinstance(metric, Metric):
        raise TypeError(f"minimize takes a Metric, as dse.metric.loss, got {metric!r}")
    if not isinstance(over, Choices | Problem):
        made = "dse.choices(model, formats, data)"
        raise TypeError(f"minimize chooses over what {made} gives, got a {type(over).__name__}")
    if on is not None and not isinstance(on, Device):
        raise TypeError(f"minimize takes a device, as cm.device('h100_sxm') gives, got {on!r}")
    if not isinstance(subject_to, Sequence) or not all(isinstance(budget, Budget) for budget in subject_to):
        raise TypeError(f"subject_to is a list of budgets, as [latency_s <= 0.01], got {subject_to!r}")


@dataclass(frozen=True)
class Limits:
    """Budgets by how they act: on sums, on single options (already taken from `problem`), on the peak of memory."""

    problem: Problem
    sums: dict[str, float]
    peaks: dict[str, float]

    @staticmethod
    def of(problem: Problem, budgets: Sequence[Budget]) -> "Limits":
        """Read the budgets; InfeasibleError where one alone cannot be met, ValueError where one is unknown."""
        sums: dict[str, float] = {}
        peaks: dict[str, float] = {}
        pipelined = isinstance(problem.device, Fpga)
        for budget in budgets:
            name, limit = budget.metric.name, budget.limit
            if name in ("throughput_per_s", "cycles") and not pipelined:
                raise ValueError(f"{problem.device.name} has no throughput budget; use latency_s")
            if name == "throughput_per_s":
                paced, batch = bool(problem.slowest), float(problem.workload.batch)
                name, limit = (name, longest_s(limit)) if paced else ("latency_s", longest_s(limit, batch))
            if name in problem.slowest:
                problem = _fast_enough(problem, budget, limit)
            elif budget.metric.over == "network":
                peaks[name] = min(limit, peaks.get(name, math.inf))
            elif isinstance(problem.folding, Array) and name in overlay.RESOURCES:
                _require_array(problem.folding, name, limit)
            else:
                if name in NO_SUM and name not in problem.costs:
                    raise ValueError(f"no budget on {name} of {problem.device.name}: {NO_SUM[name]}")
                known = ["loss", *NETWORK, *problem.slowest, *problem.costs]
                known += ["throughput_per_s"] * (pipelined and not problem.slowest)
                sums[require(f"budget on {problem.device.name}", name, known)] = min(limit, sums.get(name, math.inf))
        return Limits(problem, sums, peaks)


def _require_array(array: Array, name: str, limit: float) -> None:
    """InfeasibleError where an overlay's array, which no choice of formats changes, takes more."""
    if (taken := float(getattr(array, name))) > limit:
        raise InfeasibleError(
            f"no plan meets the budget: an array of {array.rows} x {array.columns} takes {name} {taken:g} whatever the "
            f"layers' formats, the budget allows {limit:g}; lay it out within that with overlay.fit(..., most=...)",
            {name: taken},
        )


def _fast_enough(problem: Problem, budget: Budget, most: float) -> Problem:
    """The problem without the options at which a layer alone breaks a budget of what the slowest layer decides."""
    name = budget.metric.name
    table = np.where(np.isinf(problem.loss), np.inf, problem.slowest[name])
    least = table.min(axis=1)
    slowest = int(np.argmax(least))
    at, allowed = float(least[slowest]), budget.limit
    if at > most:
        at, side = (1 / at, "most") if budget.metric.better == "higher" else (at, "least")
        raise InfeasibleError(
            f"no plan meets the budget: with this folding {problem.layers[slowest]} allows {name} of at {side} {at:.6g}"
            f", the budget {allowed:.6g}",
            {name: at},
        )
    return problem.within(name, most)


def _required(device: Device | None) -> Device:
    if device is None:
        raise ValueError("minimize needs a device: on=costmodel.device(NAME)")
    return device
