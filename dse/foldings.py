"""The foldings that a plan of formats is sought in: those made for each format offered, on the device and in budgets.

A folding made for a wide format is small and slow, one for a narrow format large and fast. With a single one, at the
widest format, offering another format could turn a budget that was met into one that cannot be. A folding that fills
the device breaks a budget that a smaller one meets; were smaller ones kept for budgets that no other meets, a format
more could hide them, and the plan be worse.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import product
from math import inf

import numpy as np

from costmodel.estimators.fpga import Array, fold, overlay
from costmodel.estimators.fpga.overlay import NoArrayError
from costmodel.hardware import Device, Fpga
from dse.choices import Choices
from dse.folding import ALIKE
from dse.folding_layout import room
from dse.infeasible import needs
from dse.metric import METRICS, Budget, Metric
from dse.plan import InfeasibleError, Plan
from dse.problem import Problem, widest_of

LAST_S = 4.0
"""Time for a plan over these where none of formats and foldings together was found in time."""


def laid_out(
    choices: Choices, device: Device, metrics: Iterable[Metric], budgets: Sequence[Budget] = ()
) -> list[Problem]:
    """Return the problem at each distinct folding made for one of the formats, the widest's first.

    Those that fill the device, then those that fill the room that budgets of its resources leave, or take the least of
    block RAM. One alone where none
    of the metrics depends on the folding, or off an FPGA. An overlay's array holds the formats that are no dearer
    than the one it was made for; InfeasibleError where none fits the budgets it was made within.
    """
    if not isinstance(device, Fpga):
        return [choices.on(device)]
    widest = widest_of(choices.options(device))
    alike = all(metric.name in ALIKE for metric in metrics)
    order = [widest] if alike else [widest, *(i for i in range(len(choices.formats)) if i != widest)]
    found, refused = [], []
    for placed, option in product(_in_rooms(choices, device, () if alike else budgets), order):
        try:
            found.append(_on_its_array(placed.on(device, option)))
        except NoArrayError as error:
            refused.append(error)
    if not found:
        least = {name: min(e.least.get(name, inf) for e in refused) for error in refused for name in error.least}
        raise InfeasibleError(str(min(refused, key=lambda error: sum(error.least.values()))), least)
    return list({_key(problem): problem for problem in reversed(found)}.values())[::-1]


def _in_rooms(choices: Choices, device: Fpga, budgets: Sequence[Budget]) -> list[Choices]:
    """The choices laid out on the device and, where a dataflow's resources have budgets, within these, and with as
    little block RAM as there can be where that has one: what a larger budget meets is then no less."""
    smaller = room(device, budgets)
    if not folds(choices):
        return [choices]
    scarce = [replace(smaller, bram18=0.0)] if any(b.metric.name == "bram18" for b in budgets) else []
    rooms = [*([smaller] if smaller != device else []), *scarce]
    return [choices, *(_laid_within(choices, each) for each in rooms)]


def _laid_within(choices: Choices, board: Fpga) -> Choices:
    return replace(choices, design=lambda workload, precision, _: choices.design(workload, precision, board))


def folds(choices: Choices) -> bool:
    """Whether a dataflow is folded for the formats: by `fold`, with weights that are streamed or not."""
    return choices.design is fold or getattr(choices.design, "func", None) is fold


def _on_its_array(problem: Problem) -> Problem:
    """The problem without the options that an overlay's array was not made for."""
    array, board = problem.folding, problem.device
    if not isinstance(array, Array) or not isinstance(board, Fpga):
        return problem
    lacks = [not overlay.runs(array, problem.workload, option, board) for option in problem.options]
    if lacks[problem.rest] and (problem.follows < 0).any():
        raise NoArrayError(f"the array made for {made_for(problem)} does not hold the layers without a choice", {})
    return problem.without(np.broadcast_to(lacks, problem.loss.shape)) if any(lacks) else problem


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
        raise late[0] if late else refusal(refused, budgets)
    plan, problem = min(found, key=lambda pair: pair[0].objective)
    bounds = [each.bound for each, _ in found] + [0.0] * len(late)
    return replace(plan, bound=min(bounds)), problem


def among(choices: Choices, problems: Sequence[Problem], metrics: Iterable[Metric]) -> str:
    """What a plan of `best` is proven among, for `Plan.proven_within`: "" where no other layout could be better."""
    array = isinstance(problems[0].folding, Array)
    made = isinstance(problems[0].device, Fpga) and (array or folds(choices))
    changed = any(metric.name not in ALIKE for metric in metrics)
    return f"{_kind(problems[0])} made for each format" if made and changed else ""


def made_for(problem: Problem) -> str:
    """The format that the problem's folding was made for, "" where there is none."""
    return "" if problem.laid_for is None else problem.names[problem.laid_for]


def _kind(problem: Problem) -> str:
    return "arrays" if isinstance(problem.folding, Array) else "foldings"


def _key(problem: Problem) -> tuple[bytes, ...]:
    assert problem.folding is not None
    return tuple(np.asarray(getattr(problem.folding, f.name)).tobytes() for f in fields(problem.folding))


def refusal(refused: Sequence[tuple[Problem, InfeasibleError]], budgets: Sequence[Budget]) -> InfeasibleError:
    """One error for all foldings: the least of each budget over them where each refuses it alone, else what one folding
    needs, the least beyond the budgets: numbers of several are no plan's."""
    errors = [error for _, error in refused]
    if len({str(error) for error in errors}) == 1:
        return errors[0]
    shared = [name for name in errors[0].least if all(name in error.least for error in errors)]
    best = {name: max if METRICS[name].better == "higher" else min for name in shared if name in METRICS}
    least = {name: best.get(name, min)(error.least[name] for error in errors) for name in shared}
    names = {b.metric.name for b in budgets}
    limits = {name: min(b.allowed for b in budgets if b.metric.name == name) for name in names}
    over = [name for name in shared if name in limits and least[name] > limits[name]]
    alone = all(error.alone for error in errors)
    if over and alone:
        said = f"no plan meets the budget: {needs(least, limits, over)}"
    elif over:
        nearest = min((error for error in errors if not error.alone), key=lambda error: _beyond(error, limits))
        said, least = str(nearest), nearest.least
    elif shared == ["throughput_per_s"]:
        said = str(max(errors, key=lambda error: error.least["throughput_per_s"]))
    else:
        said = "; ".join(f"laid out for {made_for(problem)}, {error}" for problem, error in refused)
    what = _kind(refused[0][0])
    tried = dict.fromkeys(made_for(problem) for problem, _ in refused)
    return InfeasibleError(f"{said}, with the {what} of {', '.join(tried)}", least, alone=alone)


def _beyond(error: InfeasibleError, limits: Mapping[str, float]) -> float:
    """How many times its limit the least of those budgets is of which each, were it as large, would be enough."""
    over = (error.least[n] / max(limit, 1e-300) for n, limit in limits.items() if error.least.get(n, 0.0) > limit)
    return min(over, default=inf)
