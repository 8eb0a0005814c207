"""The front of a named problem, or of several together: every trade between metrics, with the plan of each point."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from heapq import merge
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel.estimators.fpga import Array
from dse import allocate, frontier
from dse.at_paces import open_to
from dse.boxes import Point
from dse.couplings import Couplings
from dse.foldings import refusal
from dse.front_by_readers import points_by_readers
from dse.front_part import Asked, unbeaten
from dse.frontier import Front, signs
from dse.infeasible import infeasible, needs
from dse.limits import Limits
from dse.metric import METRICS, Budget, Metric, require_sum
from dse.passed import Passed
from dse.pipelines import PACED
from dse.plan import InfeasibleError
from dse.points_file import PointsFile, Whole, key
from dse.problem import Floats, Problem
from dse.solvers.merging import TooManyPointsError
from dse.tables import read

Ties = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Kept:
    """What the plans of a front keep: budgets, ties, what converting a tensor adds to the loss, formats at most.

    As `minimize` takes them; of budgets none on memory at its peak, which is no sum. A budget of loss is of all that a
    point shows, conversions included.
    """

    subject_to: Sequence[Budget] = ()
    ties: Ties = ()
    conversion: ArrayLike | None = None
    max_formats: int | None = None


def front(
    over: Problem | Sequence[Problem],
    metrics: Sequence[Metric],
    ties: Ties = (),
    *,
    file: str | Path | None = None,
    most: int = frontier.MOST_POINTS,
    **kept: Any,
) -> Front:
    """Return the exact front of metrics, every point proven where `Front.proven`; columns in the order of `metrics`.

    Metrics add up over layers, or are the rate or latency of a dataflow (`dse.paces`): at each pace these follow from
    the bytes that the memory moves, which do. Of several problems, as `foldings.laid_out` gives them, the
    points that no point of any of them beats; where two have the same point, it is the first one's. On an FPGA, where
    layers read several formats, outputs are priced by what reads them; with conversions, a number of formats or too
    many partial points they are evaluated so at the points of tables that price each in its own layer's format: what is
    told of a point is so, others may be missing. `kept` are the fields of `Kept`: a budget
    of a sum that is no objective and may be broken is a column more to be merged, of at most `most` points. A `file`
    keeps the points as in `stream`, also where they are more. ValueError for fewer than two metrics, one named twice,
    one that does neither, or a conversion where loss is not the first, TooManyPointsError beyond `most`;
    InfeasibleError where no plan keeps all.
    """
    asked, single = _asked(over, metrics, Kept(ties=ties, **kept)), isinstance(over, Problem) or len(over) == 1
    kept_in = _file(file, asked)
    found = [_of_one(part, most, kept_in, i) for i, part in enumerate(asked)]
    points, choices, origin = (
        np.concatenate([getattr(each, name) for each in found]) for name in ("points", "choices", "origin")
    )
    if not len(points):
        raise _refusal(asked, kept)
    if len(found) == 1:
        return replace(found[0], origin=None) if single else found[0]
    sign = signs(found[0].names)
    rows, proven = unbeaten(points * sign, origin), all(each.proven for each in found)
    return Front(found[0].names, points[rows], choices[rows], None if single else origin[rows], proven)


def stream(
    over: Problem | Sequence[Problem],
    metrics: Sequence[Metric],
    ties: Ties = (),
    *,
    file: str | Path | None = None,
    most: int = frontier.MOST_POINTS,
    **kept: Any,
) -> Iterator[Point]:
    """Yield the points of `front` as they are proven, best first by the metrics in order, values in the same order.

    The points come at once where no partial front passes `most` and nothing is converted; else an integer program finds
    each. With a `file`, they are kept there before they are yielded: the same call after a kill goes on with what the
    file holds and ends with the same points. Points that are evaluated (`front`) come all at the end.
    InfeasibleError where no plan keeps all.
    """
    asked = _asked(over, metrics, Kept(ties=ties, **kept))
    points = _file(file, asked)
    parts = [_part(i, each, points, most) for i, each in enumerate(asked)]
    found = parts[0] if len(parts) == 1 else _merged(parts, signs(asked[0].names))
    empty = True
    for point in found:
        empty = False
        yield point
    if empty:
        raise _refusal(asked, kept)


def _merged(parts: Sequence[Iterator[Point]], sign: Floats) -> Iterator[Point]:
    """The points of all parts that none of another beats."""
    proven = np.empty((0, len(sign)))
    for point in merge(*parts, key=lambda point: tuple(sign * point.values)):  # what beats a point comes before it
        if not (proven <= sign * point.values).all(axis=1).any():
            proven = np.vstack([proven, sign * point.values])
            yield point


def _refusal(asked: Sequence[Asked], kept: Mapping[str, Any]) -> InfeasibleError:
    """Why no plan keeps all: what conflicts in each problem's widest part, the least over all of them."""
    widest = {part.origin: part for part in asked}.values()  # limits rise: the last of a problem's takes all it has
    refused = [(part.problem, _refused(part)) for part in widest]
    return refused[0][1] if len(refused) == 1 else refusal(refused, kept.get("subject_to", ()))


def _refused(part: Asked) -> InfeasibleError:
    budgets = part.within.budgets
    loss = np.where(np.isinf(part.problem.loss), np.inf, 0.0)
    limits = {name: at for name, (_, at) in budgets.items()}
    if part.most_shown < math.inf:
        limits.pop("loss", None)
        ours = part.couplings
        tables = read(
            part.problem.loss, {n: budgets[n][0] for n in limits}, limits, ours.groups, ours.conversion, ours.edges
        )
        if (plan := allocate.best(tables, ours.max_formats)) is not None:
            least = {"loss": plan.objective}
            said = needs(least, {"loss": part.most_shown}, ["loss"])
            return InfeasibleError(f"no plan meets the budget, conversions included: {said}", least)
    tables = read(loss, {n: budgets[n][0] for n in limits}, limits, part.couplings.groups, None)
    return infeasible(tables, part.couplings.max_formats, None)


def _file(file: str | Path | None, asked: Sequence[Asked]) -> PointsFile | None:
    return PointsFile(Path(file), key([part.identity for part in asked], _told(asked[0]))) if file else None


def _told(asked: Asked) -> object:
    """What a file of points is of, beside the tables: the ties, and where they are given budgets and couplings."""
    ours = asked.couplings
    more = [asked.sums, None if ours.conversion is None else ours.conversion.tolist(), ours.edges, ours.max_formats]
    return [ours.groups, *more] if any(each for each in more) else ours.groups


def _require_kinds(over: object, metrics: object, subject_to: object) -> None:
    """TypeError with the call that makes the right object of a likely wrong one, ValueError for no problem."""
    given = list(over) if isinstance(over, Sequence) and not isinstance(over, str) else [over]
    if not given:
        raise ValueError("a front needs a problem, as dse.choices(model, formats).on(device) gives, got none")
    if wrong := [each for each in given if not isinstance(each, Problem)]:
        made = "dse.choices(model, formats).on(device)"
        raise TypeError(f"a front is of a problem, as {made} gives, got a {type(wrong[0]).__name__}")
    if not isinstance(metrics, Sequence) or not all(isinstance(metric, Metric) for metric in metrics):
        raise TypeError(f"a front takes metrics, as [dse.metric.loss, dse.metric.weight_bytes], got {metrics!r}")
    if not isinstance(subject_to, Sequence) or not all(isinstance(budget, Budget) for budget in subject_to):
        raise TypeError(f"subject_to is a list of budgets, as [latency_s <= 0.01], got {subject_to!r}")


def _asked(over: Problem | Sequence[Problem], metrics: Sequence[Metric], kept: Kept) -> list[Asked]:
    """The parts of all problems; InfeasibleError where none can meet what the slowest layer or an array decides."""
    _require_kinds(over, metrics, kept.subject_to)
    whole = next((budget.metric.name for budget in kept.subject_to if budget.metric.over == "network"), "")
    if whole:
        raise ValueError(f"a front has no budget of {whole}: it is no sum over layers")
    if kept.conversion is not None and metrics[:1] != [METRICS["loss"]]:
        raise ValueError("a conversion adds to the loss: the first objective of the front must be loss")
    parts: list[Asked] = []
    refused: list[tuple[Problem, InfeasibleError]] = []
    for origin, problem in enumerate([over] if isinstance(over, Problem) else over):
        try:
            parts += _parts(problem, origin, metrics, kept)
        except InfeasibleError as error:
            refused.append((problem, error))
    if not parts and refused:
        raise refused[0][1] if len(refused) == 1 else refusal(refused, kept.subject_to)
    return parts


def _parts(problem: Problem, origin: int, metrics: Sequence[Metric], kept: Kept) -> list[Asked]:
    serial = isinstance(problem.folding, Array)
    paced = PACED if problem.pipeline else ()
    known = ["loss", *problem.costs, *paced, *["throughput_per_s"] * serial]
    names = tuple(require_sum("objective of a front", metric.name, known, problem.device.name) for metric in metrics)
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"a front needs at least two different objectives, got {', '.join(names) or 'none'}")
    rate = names.index("throughput_per_s") if serial and "throughput_per_s" in names else None
    if rate is not None and "latency_s" in names:
        raise ValueError("on an overlay throughput_per_s is the batch over latency_s: ask for one of them")
    ours = [name for name in names if name in paced]
    couplings = Couplings.of(problem, kept.ties, kept.conversion, kept.max_formats)
    every = open_to(Limits.every(problem, kept.subject_to, ours), couplings.groups)
    return [Asked(each.problem, origin, names, ours, each.sums, couplings, rate, each.pace) for each in every]


def _of_one(asked: Asked, most: int, file: PointsFile | None = None, index: int = 0) -> Front:
    sums, choices, priced = _sums(asked, most) if file is None else _kept(asked, most, file, index)
    proven = priced and (asked.pace is None or asked.pace.exact)
    points = [asked.whole(tuple(row), choice) for row, choice in zip(sums.tolist(), choices, strict=True)]
    shaped, kept = asked.evaluated(np.array(points).reshape(-1, len(asked.names)), choices)
    return Front(asked.names, shaped, choices[kept], np.full(len(kept), asked.origin), proven)


def _kept(asked: Asked, most: int, file: PointsFile, index: int) -> Whole:
    """As `_sums`, kept in a file, by integer programs where partial fronts pass `most` or anything is converted."""
    if (whole := _at_once(asked, most, file, index)) is not None:
        return whole
    found = sorted(_by_programs(asked, most, file, index), key=lambda point: point.values[1:])
    values, choices = ([getattr(point, name) for point in found] for name in ("values", "choice"))
    sums = np.array(values, np.float64).reshape(len(found), -1 if found else 0)[:, : len(asked.tables)]
    return sums, np.array(choices, np.int16).reshape(len(found), len(asked.problem.layers)), not asked.coupled


def _at_once(asked: Asked, most: int, file: PointsFile, index: int) -> Whole | None:
    """As `_sums`, kept in a file; None where integer programs find the points, or have begun to."""
    if not most or asked.couplings.conversion is not None or file.answers(index):
        return None
    try:
        return file.whole(lambda: _sums(asked, most), index)
    except TooManyPointsError:
        return None


def _sums(asked: Asked, most: int) -> Whole:
    """All points of a part by sums of its tables, their options, and whether each is priced as it is evaluated."""
    if (found := _of_coupled(asked, most)) is not None:
        return *found, True
    first, *rest = tables = asked.tables
    costs = {name: tables[name] for name in rest or [first]}
    whole = frontier.exact(tables[first], costs, asked.couplings.groups, asked.within, most=most)
    return whole.points[:, : len(tables)], whole.choices, not asked.coupled


def _by_programs(asked: Asked, most: int, file: PointsFile | None, index: int) -> Iterator[Point]:
    """The points of a part by sums of its tables, from integer programs where a file keeps them."""
    first, *rest = tables = asked.tables
    costs = {name: tables[name] for name in rest or [first]}
    given = costs, asked.couplings.groups, asked.within
    if file is None:
        return frontier.stream(tables[first], *given, most=most)
    known, keep = file.answers(index), partial(file.keep, part=index)
    return frontier.stream(tables[first], *given, known=known, keep=keep, most=0)


def _of_coupled(asked: Asked, most: int) -> tuple[Floats, NDArray[np.int16]] | None:
    """The sums of a part whose outputs are priced by what reads them, None where there are none or they are many."""
    ours, names = asked.couplings, asked.coupled
    if not names or ours.conversion is not None or ours.max_formats:
        return None
    lacking = np.isinf(asked.problem.loss)
    limits = {name: at for name, at in asked.sums.items() if name in asked.within.budgets or name in names}
    budgets = {name: np.where(lacking, np.inf, asked.known[name]) for name in limits}
    given, told = asked.tables | budgets, list(asked.tables)
    return points_by_readers(Passed(asked.problem, names), given, limits, ours.groups, told, most)


def _part(index: int, asked: Asked, file: PointsFile | None, most: int) -> Iterator[Point]:
    """The points of one part, in order of their values."""
    at_once = asked.found and most if file is None else _at_once(asked, most, file, index)
    if at_once:
        whole = _of_one(asked, most, file, index)
        order = np.lexsort((whole.points * signs(asked.names)).T[::-1])
        rows = zip(whole.points[order].tolist(), whole.choices[order].tolist(), strict=True)
        return (Point(tuple(each), tuple(choice), asked.origin) for each, choice in rows)
    width, found = len(asked.tables), _by_programs(asked, most, file, index)
    points = (replace(p, values=asked.whole(p.values[:width], p.choice), origin=asked.origin) for p in found)
    if asked.found:
        return _evaluated(asked, list(points))
    return points if asked.most_shown == math.inf else (p for p in points if p.values[0] <= asked.most_shown)


def _evaluated(asked: Asked, points: Sequence[Point]) -> Iterator[Point]:
    """The points as they are evaluated, in order of their values."""
    values, rows = asked.evaluated(*(np.array([getattr(p, name) for p in points]) for name in ("values", "choice")))
    found = (replace(points[i], values=tuple(each)) for i, each in zip(rows, values.tolist(), strict=True))
    return iter(sorted(found, key=lambda point: tuple(signs(asked.names) * point.values)))
