"""Why no design of an FPGA is as fast as budgets ask: how fast the device's resources and the other budgets allow."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from costmodel.estimators.fpga.traffic_bound import memory_cycles
from costmodel.hardware import Device, Fpga
from dse.folding_latency import Found, folding_of
from dse.folding_memory import MOVED, NEAR
from dse.infeasible import rounded, short
from dse.metric import METRICS, Budget
from dse.plan import InfeasibleError
from dse.problem import Problem
from dse.rates import rate_per_s

SPEEDS = ("throughput_per_s", "cycles", "latency_s")
"""Metrics that a folding decides more than the formats do."""


def as_fast(error: InfeasibleError) -> InfeasibleError:
    """The refusal of other budgets by designs that are all as fast as asked: nothing in it is impossible alone."""
    _, _, told = str(error).partition("no plan meets the budget")
    said = f"no plan as fast as asked meets the budget{told}" if told else str(error)
    return InfeasibleError(said, error.least)


def at_any_speed(error: InfeasibleError, as_asked: InfeasibleError, limits: Mapping[str, float]) -> InfeasibleError:
    """The refusal of other budgets by designs of any speed, with what those as fast as asked take beyond its numbers,
    as far as their own refusal says."""
    said = str(error).replace("no plan meets", "no plan of any speed meets", 1)
    taken = {name: value for name, value in as_asked.least.items() if value > max(limits.get(name, math.inf), 0.0)}
    more = {name: value for name, value in taken.items() if value > error.least.get(name, 0.0)}
    told = " and ".join(f"{name} is at least {rounded(value)}" for name, value in more.items())
    said += f"; as fast as asked, {told}" * bool(told)
    return InfeasibleError(said, error.least | more, alone=error.alone)


def beyond_device(
    error: InfeasibleError, device: Device, usable: Mapping[str, float], limits: Mapping[str, float]
) -> InfeasibleError:
    """The refusal with a word on each resource of which it names more than is `usable`: that this is its limit, or,
    where a budget limits it to less, how much it is; and on all in conflict that the device limits."""
    most = [name for name, amount in usable.items() if error.least.get(name, 0.0) > amount]
    own = [
        name for name in usable if limits.get(name, math.inf) >= usable[name] and (name in most or _named(error, name))
    ]
    rest = " and ".join(f"{usable[name]:.9g} {name}" for name in most if name not in own)
    said = f"; {device.name} has no more {', '.join(own)}" * bool(own) + f"; {device.name} has {rest}" * bool(rest)
    return InfeasibleError(f"{error}{said}", error.least, alone=error.alone)


def _named(error: InfeasibleError, name: str) -> bool:
    """Whether a refusal names a resource among what conflicts."""
    conflict, found, _ = str(error).partition(" conflict")
    return bool(found and re.search(rf"\b{name}\b", conflict))


def too_long(problem: Problem, said: str, interval_s: float, most_s: float) -> InfeasibleError:
    """The refusal of an interval in which something, `said` with a place for how long that is, takes longer."""
    least, most = _paced(problem, interval_s), most_s * _clock_hz(problem)
    took = said.format(f"{_told('cycles', least['cycles'])} cycles")
    rate = _told("throughput_per_s", least["throughput_per_s"])
    allowed = f"throughput_per_s of at most {rate}, the budget allows {short(most)} cycles"
    return InfeasibleError(f"no plan meets the budget: {took}, {allowed}", least)


def in_cycles(problem: Problem, error: InfeasibleError, limits: Mapping[str, float]) -> InfeasibleError:
    """A refusal in which the bytes that the memory moves, which a speed alone limits, are told as the interval they
    take where they are beyond the limit."""
    device, least = problem.device, dict(error.least)
    if MOVED not in least:
        return error
    assert isinstance(device, Fpga)
    moved = least.pop(MOVED)
    paced = _paced(problem, float(memory_cycles(moved, device)) / _clock_hz(problem))
    if moved <= limits[MOVED]:
        return InfeasibleError(str(error).replace(MOVED, "the speed"), least, alone=error.alone)
    reached = " or ".join(f"{name} of {_told(name, value)}" for name, value in paced.items())
    said = f"what the memory moves within the others allows {reached} at best"
    return InfeasibleError(f"no plan meets the budgets together: {said}", least | paced)


def slower(problem: Problem, budgets: Sequence[Budget], found: Found, name: str) -> InfeasibleError | None:
    """The refusal that tells of each budget of speed that a design breaks what it has; None where it breaks none.

    The design has the best found of the metric `name`, throughput_per_s or latency_s, in seconds its plan's objective.
    """
    plan, taken = found
    values = replace(problem, folding=folding_of(problem, taken)).totals(plan.choice)
    if name == "throughput_per_s":
        reached = _paced(problem, plan.objective)
        values |= {"throughput_per_s": min(values["throughput_per_s"], reached["throughput_per_s"])}
        values |= {"cycles": max(values["cycles"], reached["cycles"])}
    asked = [b for b in budgets if b.metric.name in SPEEDS]
    broken = [b.metric.name for b in asked if not b.met(values[b.metric.name])]
    if not broken:
        return None
    broken.sort(key="latency_s".__eq__)
    first, *others = dict.fromkeys(broken)
    side = "most" if METRICS[first].better == "higher" else "least"
    sure = ""
    if not plan.proven:
        bound = plan.bound if name == "latency_s" else _paced(problem, plan.bound)[first]
        sure = f" in the plans found in time, and at {side} {rounded(bound, up=side == 'most')} in any"
    told = f"{first} is at {side} {_told(first, values[first])}{sure}, within the device's resources and other budgets"
    told += "".join(f"; {other} is then {_told(other, values[other])}" for other in others)
    return InfeasibleError(f"no plan meets the budgets: {told}", {each: values[each] for each in broken})


def _paced(problem: Problem, interval_s: float) -> dict[str, float]:
    """The rate and the cycles of an interval, which as budgets admit it."""
    cycles = interval_s * _clock_hz(problem)
    whole = float(round(cycles))
    cycles = whole if math.isclose(whole, cycles, rel_tol=NEAR) else cycles * (1 + NEAR)
    return {"throughput_per_s": rate_per_s(interval_s, problem.workload.batch), "cycles": cycles}


def _clock_hz(problem: Problem) -> float:
    assert isinstance(problem.device, Fpga)
    return float(problem.device.clock_hz)


def _told(name: str, value: float) -> str:
    """A value to nine digits, that as a budget admits what has it."""
    return rounded(value, up=METRICS[name].better == "lower")
