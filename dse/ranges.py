"""What a metric may be of any plan that `minimize` may give, each by itself: the ends of a budget's range."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np

from costmodel.estimators.fpga import Array, fold
from costmodel.estimators.fpga.clock import clock_hz
from costmodel.estimators.fpga.energy import dynamic_j
from costmodel.hardware import Device, Fpga
from dse.choices import Choices
from dse.folding_options import LONGEST, RESOURCES, SPENT, Units, units
from dse.foldings import laid_out
from dse.metric import METRICS
from dse.problem import Floats, Problem

Span = tuple[float, float]
Spans = dict[str, Span]
NOT_BY_UNIT = ("ff", "power_w")
"""Costs of a folding that its candidates do not tell."""


def of_problem(problem: Problem, ties: Sequence[Sequence[str]] = ()) -> Spans:
    """The least and most of each cost that adds up over layers, within the ties.

    ValueError where tied layers share no format.
    """
    usable, groups = np.isfinite(problem.loss), problem.groups(ties)
    tied = {layer for group in groups for layer in group}
    groups = [*groups, *([layer] for layer in range(len(usable)) if layer not in tied)]
    free = [usable[group].all(axis=0) for group in groups]
    lacking = next((group for group, fits in zip(groups, free, strict=True) if not fits.any()), None)
    if lacking is not None:
        names = ", ".join(problem.layers[i] for i in lacking[:4])
        raise ValueError(f"tied layers share no format that {problem.device.name} runs: {names}")
    found: Spans = {}
    for name, table in problem.costs.items():
        sums = [table[group].sum(axis=0)[fits] for group, fits in zip(groups, free, strict=True)]
        found[name] = float(sum(each.min() for each in sums)), float(sum(each.max() for each in sums))
    return found


def of_choices(choices: Choices, device: Device, ties: Sequence[Sequence[str]] = ()) -> Spans:
    """The same over all foldings of a dataflow, with its latency and throughput; elsewhere as `of_problem`.

    Of a dataflow no plan is beyond these, and not every value between can be met. The least of a resource is that of
    the smallest units, the most what the device has or, where that is more, a folding made for a format takes. The
    throughput is that of the slowest and the fastest units, the latency within an interval of these and all slowest
    units one after another. Flip-flops and power are left out.
    """
    problems = laid_out(choices, device, [METRICS["lut"]])
    found = [of_problem(problem, ties) for problem in problems]
    spans = {name: _around(each[name] for each in found if name in each) for name in found[0]}
    if not isinstance(device, Fpga) or choices.design is not fold or isinstance(problems[0].folding, Array):
        return spans
    wide = _of_units(problems[0], device)
    known = {name: span for name, span in spans.items() if name not in NOT_BY_UNIT}
    return known | {n: _around([known[n], wide[n]]) if n in known else wide[n] for n in wide}


def _of_units(problem: Problem, device: Fpga) -> Spans:
    """What single units may take, in every format and folding of each, put together."""
    table = units(problem)
    least = [_summed(problem, table, partial(_spent, i))[0] for i in range(len(RESOURCES))]
    found = {name: (low, float(getattr(device, name))) for name, low in zip(RESOURCES, least, strict=True)}
    if "energy_j" in problem.costs:
        found["energy_j"] = _summed(problem, table, lambda u, option: _energy(problem, u, option, device))
    every = [unit.paid[:, LONGEST] for row in table for group in row for unit in group]
    fastest = max(min(max((u.paid[:, LONGEST].min() for u in g), default=0.0) for g in row) for row in table)
    slowest, batch = max(float(each.max()) for each in every), float(problem.workload.batch)
    found["throughput_per_s"] = batch / slowest, batch / float(fastest)
    found["latency_s"] = float(fastest), _summed(problem, table, lambda u, _: u.paid[:, LONGEST])[1]
    return found


def _summed(problem: Problem, table: list[list[tuple[Units, ...]]], values: Callable[[Units, int], Floats]) -> Span:
    """The least and most that values of candidates add up to, a format and a candidate of each unit a layer."""
    low = high = 0.0
    for layer, row in enumerate(table):
        usable = [o for o in range(len(row)) if np.isfinite(problem.loss[layer, o])]
        of_units = [[values(unit, option) for unit in row[option]] for option in usable]
        low += min(sum(float(each.min()) for each in group) for group in of_units)
        high += max(sum(float(each.max()) for each in group) for group in of_units)
    return low, high


def _spent(resource: int, unit: Units, _option: int) -> Floats:
    return unit.paid[:, SPENT][:, resource]


def _energy(problem: Problem, unit: Units, option: int, device: Fpga) -> Floats:
    """Joules a pass of each candidate of one unit."""
    op = problem.workload.ops[unit.ops[0]]
    taken = option if problem.follows[unit.ops[0]] >= 0 else problem.rest
    cycles = unit.paid[:, LONGEST] * float(clock_hz(op, problem.options[taken], device))
    resources = dict(zip(RESOURCES, unit.paid[:, SPENT].T, strict=True))
    return np.asarray(dynamic_j(resources, cycles, device))


def _around(spans: Iterable[Span]) -> Span:
    lows, highs = zip(*spans, strict=True)
    return min(lows), max(highs)
