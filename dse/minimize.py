"""The optimizer's face: the plan of least loss, or of least cost, within budgets."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from costmodel.catalog import require
from costmodel.estimators.footprint import alive_at, alive_bytes
from costmodel.estimators.fpga import Array, overlay
from costmodel.hardware import Device, Fpga
from costmodel.record import stack
from dse import allocate, folding, foldings, neighbours
from dse.choices import Choices
from dse.metric import Budget, Metric, loss
from dse.plan import InfeasibleError, Plan
from dse.problem import Floats, Problem
from dse.restrictions import restricted


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

    over        what `choices` gives, with a device `on`, or a Problem made before; of choices on an FPGA the plan
                is the best over the foldings made for each format (`dse.foldings`), proven within these; with budgets
                of speed, formats and foldings are chosen together too (`dse.folding.least_loss`) unless ties,
                conversions, numbers of formats or other budgets are asked for
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
    if isinstance(over, Choices):
        edits: dict[str, Any] = {"ties": ties, "conversion": conversion, "max_formats": max_formats}
        edits |= {"pins": pins, "allow": allow}
        return _over_foldings(metric, over, _required(on), subject_to, edits, time_limit_s)
    problem = restricted(over, pins or {}, allow or {})
    if metric.name in problem.slowest:
        edits = {"ties": ties, "conversion": conversion, "max_formats": max_formats, "time_limit_s": time_limit_s}
        return _least_of_slowest(metric, problem, subject_to, edits)
    limits = _Limits.of(problem, subject_to)
    tables = {"loss": limits.problem.loss, **limits.problem.costs}
    objective = tables[require("metric to minimise", metric.name, [*tables, *problem.slowest])]
    objective = np.where(np.isinf(limits.problem.loss), np.inf, objective)
    groups = _groups(limits.problem, ties)
    converted, passing = _conversion(problem, conversion)
    costs = {n: np.where(np.isinf(t), 0.0, t) for n, t in tables.items()}
    budgets = dict(limits.sums)
    while True:
        plan = _solve(objective, costs, budgets, groups, converted, max_formats, time_limit_s, passing)
        moments = alive_bytes(problem.workload, stack(problem.per_op(plan.choice)))
        worst = int(np.argmax(moments))
        if moments[worst] <= limits.peak_bytes:
            totals = {n: v for n, v in plan.totals.items() if not n.startswith(_MOMENT)}
            return replace(plan, totals=totals, problem=problem, subject_to=tuple(str(b) for b in subject_to))
        name = f"{_MOMENT}{problem.workload.ops[worst].name}"
        costs[name] = _moment_table(problem, worst)
        budgets[name] = limits.peak_bytes


def _least_of_slowest(metric: Metric, problem: Problem, subject_to: Sequence[Budget], edits: Mapping[str, Any]) -> Plan:
    """The plan of least loss among those whose slowest layer decides a metric for the best.

    Its objective and bound are of the metric, of throughput the seconds an image.
    """
    table = problem.slowest[metric.name]
    values = np.unique(table[np.isfinite(problem.loss)])
    low, high = 0, len(values) - 1
    found = minimize(loss, over=problem, subject_to=subject_to, **edits)
    while low < high:
        middle = (low + high) // 2
        try:
            found = minimize(loss, over=problem.within(metric.name, values[middle]), subject_to=subject_to, **edits)
            high = middle
        except InfeasibleError:
            low = middle + 1
    reached = float(table[np.arange(len(table)), found.choice].max())
    return replace(found, objective=reached, bound=float(values[low]), problem=problem)


def _over_foldings(
    metric: Metric,
    over: Choices,
    device: Device,
    subject_to: Sequence[Budget],
    edits: Mapping[str, Any],
    time_limit_s: float | None,
) -> Plan:
    """The best plan over the foldings made for each format and, for budgets of speed, over formats with foldings."""
    together, refused = None, None
    coupled = bool(edits["ties"] or edits["conversion"] is not None or edits["max_formats"])
    if metric is loss and folding.asked(over, device, subject_to, coupled=coupled):
        problem = restricted(over.on(device), edits["pins"] or {}, edits["allow"] or {})
        try:
            together = folding.least_loss(problem, subject_to=subject_to, time_limit_s=time_limit_s)
        except (InfeasibleError, TimeoutError) as error:
            refused = error
    problems = foldings.laid_out(over, device, [metric, *(b.metric for b in subject_to)], subject_to)
    share = time_limit_s and time_limit_s / len(problems)

    def solve(problem: Problem) -> Plan:
        return minimize(metric, over=problem, subject_to=subject_to, time_limit_s=share, **edits)

    try:
        apart = foldings.best(problems, solve, subject_to)[0]
    except (InfeasibleError, TimeoutError) as error:
        if together is None:
            raise (refused or error) from None
        return together
    return together if together is not None and together.objective <= apart.objective else apart


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


_PEAK = "peak_activation_bytes"
_MOMENT = f"{_PEAK} at "


def _solve(
    objective: Floats,
    costs: dict[str, Floats],
    budgets: dict[str, float],
    groups: list[list[int]],
    conversion: Floats | None,
    max_formats: int | None,
    time_limit_s: float | None,
    edges: list[tuple[int, int]] | None,
) -> Plan:
    """Solve the arrays; a moment that cannot be met is reported as the peak that it is."""
    try:
        return allocate.solve(objective, costs, budgets, groups, conversion, max_formats, time_limit_s, edges=edges)
    except InfeasibleError as error:
        least: dict[str, float] = {}
        for name, value in error.least.items():
            key = _PEAK if name.startswith(_MOMENT) else name
            least[key] = max(value, least.get(key, 0.0))
        raise InfeasibleError(str(error), least) from None


def _groups(problem: Problem, ties: Sequence[Sequence[str]] | str) -> list[list[int]]:
    """Ties as indices; ValueError names tied layers that share no option."""
    groups = problem.groups(neighbours.named(problem, ties) if isinstance(ties, str) else ties)
    for group in groups:
        if np.isinf(problem.loss[group]).any(axis=0).all():
            raise ValueError(f"tied layers share no format: {', '.join(problem.layers[i] for i in group)}")
    return groups


def _conversion(problem: Problem, given: ArrayLike | None) -> tuple[Floats | None, list[tuple[int, int]] | None]:
    """The conversions [options, options] and the neighbours that they hold for."""
    if given is None:
        return None, None
    table = np.asarray(given, dtype=np.float64)
    if not table.ndim:
        if not 0 <= table < math.inf:
            raise ValueError(f"a conversion must be a finite number of at least 0, got {float(table)}")
        table = table * (1.0 - np.eye(len(problem.options)))
    return table, neighbours.edges(problem)


@dataclass(frozen=True)
class _Limits:
    """Budgets by how they act: on sums, on single options (already taken from `problem`), on the peak of memory."""

    problem: Problem
    sums: dict[str, float]
    peak_bytes: float

    @staticmethod
    def of(problem: Problem, budgets: Sequence[Budget]) -> "_Limits":
        sums: dict[str, float] = {}
        peak, pipelined = math.inf, isinstance(problem.device, Fpga)
        for budget in budgets:
            name, limit = budget.metric.name, budget.limit
            if name in ("throughput_per_s", "cycles") and not pipelined:
                raise ValueError(f"{problem.device.name} has no throughput budget; use latency_s")
            if name == "throughput_per_s":
                limit = 1 / limit if limit else math.inf
                name, limit = (name, limit) if problem.slowest else ("latency_s", problem.workload.batch * limit)
            if name in problem.slowest:
                problem = _fast_enough(problem, budget, limit)
            elif name == "peak_activation_bytes":
                peak = min(peak, limit)
            elif isinstance(problem.folding, Array) and name in overlay.RESOURCES:
                _require_array(problem.folding, name, limit)
            else:
                known = ["loss", "peak_activation_bytes", *problem.slowest, *problem.costs]
                known += ["throughput_per_s"] * (pipelined and not problem.slowest)
                sums[require(f"budget on {problem.device.name}", name, known)] = min(limit, sums.get(name, math.inf))
        return _Limits(problem, sums, peak)


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


def _moment_table(problem: Problem, moment: int) -> Floats:
    """Bytes alive while op `moment` runs, by the layer that each live tensor's op follows, at each option."""
    tables = [alive_at(problem.workload, option, moment) for option in problem.options]
    table = np.zeros((len(problem.layers), len(problem.options)))
    for option, per_op in enumerate(tables):
        bytes_ = np.where(problem.follows >= 0, per_op, tables[problem.rest])
        np.add.at(table[:, option], np.maximum(problem.follows, 0), bytes_)
    return table


def _required(device: Device | None) -> Device:
    if device is None:
        raise ValueError("minimize needs a device: on=costmodel.device(NAME)")
    return device
