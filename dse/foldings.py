"""The foldings that a plan of formats is sought in: those made for each format offered.

A folding made for a wide format is small and slow, one for a narrow format large and fast. With a single one, at the
widest format, offering another format could turn a budget that was met into one that cannot be.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace

import numpy as np

from costmodel.hardware import Device, Fpga
from dse.choices import Choices
from dse.metric import Budget, Metric
from dse.plan import InfeasibleError, Plan
from dse.problem import Problem

ALIKE = ("loss", "weight_bytes", "bops", "peak_activation_bytes")
"""Metrics that no folding changes."""


def laid_out(choices: Choices, device: Device, metrics: Iterable[Metric]) -> list[Problem]:
    """Return the problem at each distinct folding made for one of the formats, the widest's first.

    One alone where none of the metrics depends on the folding, or off an FPGA.
    """
    first = choices.on(device)
    if not isinstance(device, Fpga) or all(metric.name in ALIKE for metric in metrics):
        return [first]
    others = [choices.on(device, i) for i in range(len(first.options)) if i != first.laid_for]
    distinct = {_key(problem): problem for problem in (*reversed(others), first)}
    return list(reversed(distinct.values()))


def best(
    problems: Sequence[Problem], solve: Callable[[Problem], Plan], budgets: Sequence[Budget]
) -> tuple[Plan, Problem]:
    """Return the plan of least objective over the problems, and its problem; its bound holds for all of them.

    InfeasibleError with the least value over all where none has a plan, TimeoutError where one may have.
    """
    found, refused, late = [], [], []
    for problem in problems:
        try:
            found.append((solve(problem), problem))
        except InfeasibleError as error:
            refused.append((problem, error))
        except TimeoutError as error:
            late.append(error)
    if not found:
        raise late[0] if late else _refusal(refused, budgets)
    plan, problem = min(found, key=lambda pair: pair[0].objective)
    bounds = [each.bound for each, _ in found] + [0.0] * len(late)
    return replace(plan, bound=min(bounds)), problem


def made_for(problem: Problem) -> str:
    """The format that the problem's folding was made for, "" where there is none."""
    return "" if problem.laid_for is None else problem.names[problem.laid_for]


def _key(problem: Problem) -> tuple[bytes, ...]:
    assert problem.folding is not None
    return tuple(np.asarray(getattr(problem.folding, f.name)).tobytes() for f in fields(problem.folding))


def _refusal(refused: Sequence[tuple[Problem, InfeasibleError]], budgets: Sequence[Budget]) -> InfeasibleError:
    """One error for all foldings: the least of each budget over them."""
    errors = [error for _, error in refused]
    if len(errors) == 1:
        return errors[0]
    shared = [name for name in errors[0].least if all(name in error.least for error in errors)]
    least = {name: min(error.least[name] for error in errors) for name in shared}
    limits = {name: min(b.limit for b in budgets if b.metric.name == name) for name in {b.metric.name for b in budgets}}
    over = [name for name in shared if name in limits and least[name] > limits[name]]
    if over:
        needs = " and ".join(f"{name} is at least {least[name]:.9g} (budget {limits[name]:.9g})" for name in over)
        many = "s together: given the others" if len(limits) > 1 else ""
        said = f"no plan meets the budget{many or ':'}{',' * bool(many)} {needs}"
    elif shared == ["cycles"]:
        said = str(min(errors, key=lambda error: error.least["cycles"]))
    else:
        said = "; ".join(f"folded for {made_for(problem)}, {error}" for problem, error in refused)
    return InfeasibleError(f"{said}, with the foldings of {', '.join(made_for(p) for p, _ in refused)}", least)
