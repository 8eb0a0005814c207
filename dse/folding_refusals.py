"""Why no design of an FPGA is as fast as budgets ask: how fast the device's resources and the other budgets allow."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from costmodel.hardware import Fpga
from dse.folding_latency import Found, folding_of
from dse.folding_memory import NEAR
from dse.infeasible import rounded
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
        sure = f" in the plans found in time, and at {side} {_told(first, bound)} in any"
    told = f"{first} is at {side} {_told(first, values[first])}{sure}, within the device's resources and other budgets"
    told += "".join(f"; {other} is then {_told(other, values[other])}" for other in others)
    return InfeasibleError(f"no plan meets the budgets: {told}", {each: values[each] for each in broken})


def _paced(problem: Problem, interval_s: float) -> Mapping[str, float]:
    """The rate and the cycles of an interval, which as budgets admit it."""
    assert isinstance(problem.device, Fpga)
    cycles = interval_s * float(problem.device.clock_hz) * (1 + NEAR)
    return {"throughput_per_s": rate_per_s(interval_s, problem.workload.batch), "cycles": cycles}


def _told(name: str, value: float) -> str:
    """A value to nine digits, that as a budget admits what has it."""
    return rounded(value, up=METRICS[name].better == "lower")
