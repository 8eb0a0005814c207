"""Formats and foldings together: the fastest dataflow on an FPGA within its resources and a loss.

An integer program over (layer, format, folding): each layer takes one format and one PE and SIMD of its unit, and of
the poolings and sums that follow it. The highest throughput is that of the slowest unit: for a target interval,
`allocate` finds the least loss among the options that keep up with it, and the least interval whose loss is allowed is
found by bisection over all intervals that some unit takes. The least latency is searched from that plan on, by the
paths that decide it (`folding_latency`); a pooling or sum then keeps up for the fewest resources and is not chosen
apart. FINN-R (Blott et al., doi 10.1145/3242897) folds for given formats; choosing both in turn can only lose.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from costmodel.catalog import require
from costmodel.estimators.fpga import fold
from costmodel.hardware import Device, Fpga
from dse import allocate, outputs
from dse.choices import Choices
from dse.couplings import Couplings
from dse.folding_candidates import FIXED
from dse.folding_layout import laid_out, refolded
from dse.folding_options import RESOURCES, units
from dse.folding_refusals import SPEEDS
from dse.folding_search import INTERVAL, LATENCY_SEARCH_S, SEARCH_S, Search
from dse.interrupts import heard
from dse.metric import NO_SUM, Budget, Metric, loss
from dse.plan import InfeasibleError, Plan, left_s, require_time
from dse.problem import Problem
from dse.rates import longest_s
from dse.tables import read

OBJECTIVES = ("throughput_per_s", "latency_s")

BESIDE_SPEED = ("loss", *FIXED, *RESOURCES)
"""Metrics that may have budgets where a speed is the objective."""

ALIKE = ("loss", "weight_bytes", "bops", "peak_activation_bytes", "footprint_bytes")
"""Metrics that no folding changes."""

LOOSE_SHARE = 1 / 3
"""Of that time, what the least loss whatever a folding takes may take."""

LOSS_SHARE, QUICKER_S = 0.6, 20.0
"""Of a time limit, what the least loss may take where no speed is asked for, before its formats are folded faster; and
how long that may take where there is no limit."""


def fastest(
    problem: Problem,
    objective: str = "throughput_per_s",
    *,
    subject_to: Sequence[Budget] = (),
    couplings: Couplings = Couplings(),
    time_limit_s: float | None = None,
    utilisation: float = 1.0,
) -> Plan:
    """Return the plan of formats, with its problem folded, of the highest throughput or the least latency.

    `subject_to` may bound what is in BESIDE_SPEED; each resource may be used to `utilisation` of the device, inf for as
    much as it takes. `couplings` as in `least_loss`, a conversion adds to the loss. The plan's objective is seconds:
    the interval between passes, or the latency that `estimate` tells; no design is below its `bound`. After the time
    limit, of a latency LATENCY_SEARCH_S by default, the best plan so far, as after Ctrl-C. InfeasibleError where no
    design meets the budgets, ValueError off an FPGA or on a budget not one of these.
    """
    check(objective, problem.device, subject_to)
    require_time(time_limit_s)
    if objective == "latency_s" and time_limit_s is None:
        time_limit_s = LATENCY_SEARCH_S
    run = Search.least_latency if objective == "latency_s" else Search.least_interval
    with heard() as interrupt:
        search = _search(problem, subject_to, BESIDE_SPEED, time_limit_s, utilisation)
        search = replace(search, couplings=couplings)
        plan = laid_out(search, run, subject_to, objective)
    return replace(plan, interrupted=interrupt.came)


def check(objective: str, device: Device, budgets: Sequence[Budget]) -> None:
    """ValueError where `fastest` knows no such objective, or not on this device or within such budgets."""
    require("objective", objective, OBJECTIVES)
    if not isinstance(device, Fpga):
        raise ValueError(f"folding is for an FPGA, and {device.name} is none")
    odd = next((budget.metric.name for budget in budgets if budget.metric.name not in BESIDE_SPEED), None)
    if odd is not None:
        known = ", ".join(BESIDE_SPEED)
        told = f"; {NO_SUM[odd]}" if odd in NO_SUM else ""
        raise ValueError(f"where {objective} is the objective, budgets may be on {known}, got one on {odd}{told}")


def least_loss(
    problem: Problem,
    *,
    subject_to: Sequence[Budget],
    couplings: Couplings = Couplings(),
    time_limit_s: float | None = None,
    utilisation: float = 1.0,
) -> Plan:
    """Return the plan of least loss, with its problem folded, that is as fast as the budgets of SPEEDS ask; where there
    are none, that of any speed, in the folding that `fpga.fold` makes for its formats, or the fastest that is found.

    Other budgets may be on loss, FIXED and resources; `utilisation` and errors as in `fastest`.
    `couplings` are of formats: tied layers are folded each for itself. After the time limit, SEARCH_S by default, the
    best plan so far, with a gap, as after Ctrl-C.
    """
    require_time(time_limit_s)
    with heard() as interrupt:
        plan = _least_loss(problem, subject_to, couplings, time_limit_s, utilisation)
    return replace(plan, interrupted=interrupt.came)


def _least_loss(
    problem: Problem, subject_to: Sequence[Budget], couplings: Couplings, time_limit_s: float | None, utilisation: float
) -> Plan:
    names, speeds = ("loss", *SPEEDS, *FIXED, *RESOURCES), any(b.metric.name in SPEEDS for b in subject_to)
    limit_s = SEARCH_S if time_limit_s is None else time_limit_s * (1.0 if speeds else LOSS_SHARE)
    until = time.monotonic() + (SEARCH_S + QUICKER_S if time_limit_s is None else time_limit_s)
    search = replace(_search(problem, subject_to, names, limit_s, utilisation), couplings=couplings)
    loose = None if speeds else _whatever_it_takes(search, subject_to)
    if loose is not None and loose.proven:
        return loose
    try:
        plan = laid_out(search, Search.least_loss, subject_to, "loss")
    except (InfeasibleError, TimeoutError) as error:
        if loose is not None:
            return loose
        if isinstance(error, TimeoutError):
            raise
        raise (search.too_slow(subject_to, error) if speeds else None) or error from None
    if loose is not None:
        bound = max(plan.bound, loose.bound)
        if loose.objective <= plan.objective:
            return replace(loose, bound=min(bound, loose.objective))
        plan = replace(plan, bound=min(bound, plan.objective))
    return plan if speeds else _quicker(search, plan, subject_to, until)


def _whatever_it_takes(search: Search, budgets: Sequence[Budget]) -> Plan | None:
    """A plan of the least loss whatever a folding takes, where the one that `fpga.fold` makes for it is within limits.

    The best so far after LOOSE_SHARE of the time.
    """
    problem, ours, lacking = search.problem, search.couplings, np.isinf(search.problem.loss)
    known = {"loss": problem.loss, **problem.costs}
    costs = {n: np.where(lacking, 0.0, known[n]) for n in ("loss", *FIXED) if n in search.limits}
    limits = {name: search.limits[name] for name in costs}
    tables = read(problem.loss, costs, limits, ours.groups, ours.conversion, ours.edges)
    now = time.monotonic()
    try:
        plan = allocate.best(tables, ours.max_formats, now + LOOSE_SHARE * (search.deadline - now))
    except TimeoutError:
        return None
    if plan is None:
        return None
    return refolded(replace(plan, problem=problem), budgets, "loss", search.limits)


def _quicker(search: Search, plan: Plan, budgets: Sequence[Budget], until: float) -> Plan:
    """The formats of a plan as `fpga.fold` folds them; where that is not within limits, in the folding of the highest
    throughput that is found for them."""
    if (laid := refolded(plan, budgets, "loss", search.limits)) is not None:
        return laid
    chosen = np.arange(len(search.problem.options)) == plan.choice[:, None]
    alone = replace(search, problem=search.problem.without(~chosen), couplings=Couplings(), deadline=until)
    try:
        quick = laid_out(alone, Search.least_interval, budgets, "throughput_per_s")
    except (InfeasibleError, TimeoutError):
        return plan
    assert quick.problem is not None
    folded = replace(quick.problem, loss=search.problem.loss)
    told = {name: getattr(plan, name) for name in ("objective", "bound", "solver", "proven_within")}
    return replace(quick.of(folded, budgets), **told)


def best(metric: Metric, problem: Problem, **given: Any) -> Plan:
    """The plan of `least_loss`, or of `fastest` where the metric is a speed, of a rate in seconds an image, as
    `minimize` tells it."""
    if metric is loss:
        return least_loss(problem, **given)
    plan = fastest(problem, metric.name, **given)
    images = problem.workload.batch if metric.name == "throughput_per_s" else 1
    return replace(plan, objective=plan.objective / images, bound=plan.bound / images)


def bound(
    metric: Metric, problem: Problem, budgets: Sequence[Budget], couplings: Couplings, deadline: float = math.inf
) -> float:
    """What no design has less of a metric than within those of the budgets that `best` knows, however large the device.

    That of any budgets where half of the time is too short; InfeasibleError where none is within these.
    """
    given: dict[str, Any] = {"subject_to": known(metric, budgets), "couplings": couplings, "utilisation": math.inf}
    try:
        return best(metric, problem, **given, time_limit_s=left_s(deadline, 2) or SEARCH_S).bound
    except TimeoutError:
        return least(metric, problem)


def least(metric: Metric, problem: Problem) -> float:
    """What no design has less of a metric than, whatever the budgets."""
    return float(problem.loss.min(axis=1).sum()) if metric is loss else 0.0


def together(metric: Metric, choices: Choices, device: Device, budgets: Sequence[Budget]) -> bool:
    """Whether formats are chosen with foldings, of a dataflow that no file lays out: for a speed, and for least loss
    where budgets ask for speed, or for what a folding decides and `least_loss` knows them all."""
    names = {budget.metric.name for budget in budgets}
    asked = names & {*SPEEDS} or (names - {*ALIKE} and len(known(loss, budgets)) == len(budgets))
    sought = metric.name in OBJECTIVES or (metric is loss and bool(asked))
    return isinstance(device, Fpga) and choices.design is fold and sought


def known(metric: Metric, budgets: Sequence[Budget]) -> list[Budget]:
    """The budgets that `best` knows."""
    names = {"loss", *SPEEDS, *FIXED, *RESOURCES} if metric is loss else {*BESIDE_SPEED}
    return [budget for budget in budgets if budget.metric.name in names]


def _search(
    problem: Problem, budgets: Sequence[Budget], known: Sequence[str], time_limit_s: float | None, utilisation: float
) -> Search:
    if not isinstance(problem.device, Fpga):
        raise ValueError(f"folding is for an FPGA, and {problem.device.name} is none")
    deadline = math.inf if time_limit_s is None else time.monotonic() + time_limit_s
    usable = _usable(problem.device, utilisation)
    limits = _limits(problem.device, budgets, known, usable, problem.workload.batch)
    by_readers = bool(outputs.coupled(problem, RESOURCES))
    return Search(problem, limits, units(problem), deadline, by_readers=by_readers, usable=usable)


def _usable(device: Fpga, utilisation: float) -> dict[str, float]:
    have = {name: float(getattr(device, name)) for name in RESOURCES}
    return {name: amount * utilisation if amount else 0.0 for name, amount in have.items()}


def _limits(
    device: Fpga, budgets: Sequence[Budget], known: Sequence[str], usable: Mapping[str, float], batch: int
) -> dict[str, float]:
    """The least limit of each metric, the device's too; that of `cycles` and throughput as seconds of an interval."""
    given = dict(usable)
    for budget in budgets:
        name, limit = require("budget of a folding", budget.metric.name, known), budget.allowed
        if name == "throughput_per_s":
            name, limit = INTERVAL, longest_s(limit, batch)
        elif name == "cycles":
            name, limit = INTERVAL, limit / float(device.clock_hz)
        given[name] = min(limit, given.get(name, math.inf))
    return given
