"""The candidates of an FPGA's layers as tables: of all formats of a layer side by side, those that no other beats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dse import reader_tables
from dse.couplings import Couplings
from dse.folding_memory import MOVED
from dse.folding_options import ALONG, RESOURCES, SPENT, Units
from dse.pareto import distinct
from dse.plan import Plan
from dse.problem import Problem
from dse.tables import Tables, read

Floats = NDArray[np.float64]

FIXED = ("weight_bytes", "bops", MOVED)
"""Costs that no folding changes."""

_PATH = "path_s of "
"""The seconds along a path, as a cost."""


@dataclass(frozen=True)
class Candidates:
    """Columns of candidates, float[layers, candidates].

    loss        inf where a layer has fewer
    along       {name: seconds that each adds to a path}
    spent       {name: RESOURCES and costs of FIXED}
    which       the option and row among `kept` [layers][options] of each layer's
    written     RESOURCES by what is written, float[layers, candidates, options, 4] (`Units`)
    by_readers  outputs cost by the formats of what reads them, otherwise by their own layer's
    """

    problem: Problem
    kept: list[list[Units]]
    loss: Floats
    along: Mapping[str, Floats]
    spent: Mapping[str, Floats]
    which: list[list[tuple[int, int]]]
    written: Floats
    by_readers: bool

    @property
    def length(self) -> Floats:
        """What each adds to the paths on average, inf where there is none."""
        mean = np.mean(list(self.along.values()), axis=0) if self.along else 0.0
        return np.where(np.isinf(self.loss), np.inf, mean)

    def tables(self, loss: Floats, limits: Mapping[str, float], couplings: Couplings) -> Tables:
        """The tables with the format of each, couplings of these, and what writing costs; `loss` is minimised."""
        costs = {"loss": np.where(np.isinf(self.loss), 0.0, self.loss), **self.spent, **self.along}
        kinds = np.zeros(self.loss.shape, np.int64)
        for layer, which in enumerate(self.which):
            kinds[layer, : len(which)] = [option for option, _ in which]
        tables = replace(
            read(loss, costs, {}, (), None),
            kinds=kinds,
            tied=couplings.pairs,
            conversion=couplings.conversion,
            edges=tuple(couplings.edges or ()),
        )
        if self.by_readers:
            written = {name: self.written[..., i] for i, name in enumerate(RESOURCES)}
            tables = reader_tables.folded(tables, self.problem, written)
        return replace(tables, limits=dict(limits))

    def named(self, plan: Plan) -> tuple[Plan, list[Units]]:
        """The plan with options of the problem for its choice, and the unit of each layer."""
        chosen = plan.choice[: len(self.which)].tolist()
        picked = [self.which[layer][candidate] for layer, candidate in enumerate(chosen)]
        taken = [self.kept[layer][option].keep(np.array([row])) for layer, (option, row) in enumerate(picked)]
        return replace(plan, choice=np.array([option for option, _ in picked])), taken


def candidates(
    problem: Problem,
    kept: list[list[Units]],
    fixed: Sequence[str],
    *,
    paths: int = 0,
    by_readers: bool = False,
    apart: bool = False,
) -> Candidates:
    """Return those of units [layers][options] that no other one of the layer beats, along so many paths.

    `fixed` are those of FIXED that count; `apart` keeps the formats that others beat. ValueError where a layer has
    none.
    """
    rows = [_row(problem, layer, row, fixed, by_readers, apart) for layer, row in enumerate(kept)]
    names, options = (*RESOURCES, *fixed), len(problem.options)
    width = max(options, *(len(which) for _, _, which in rows))
    table = np.full((len(rows), width, 1 + paths + len(names)), np.inf)
    written = np.zeros((len(rows), width, options, len(RESOURCES)))
    for layer, (values, writes, _) in enumerate(rows):
        table[layer, : len(values)] = values
        written[layer, : len(values)] = writes
    lacking = np.isinf(table[..., :1])
    took = np.where(lacking, 0.0, np.maximum(table[..., 1 : 1 + paths], 0.0))
    along = {f"{_PATH}{i}": took[..., i] for i in range(paths)}
    spent = np.where(lacking, 0.0, table[..., 1 + paths :])
    costs = {name: spent[..., i] for i, name in enumerate(names)}
    return Candidates(problem, kept, table[..., 0], along, costs, [which for _, _, which in rows], written, by_readers)


def _row(
    problem: Problem, layer: int, row: list[Units], fixed: Sequence[str], by_readers: bool, apart: bool
) -> tuple[Floats, Floats, list[tuple[int, int]]]:
    """Loss, paths, resources and fixed costs of a layer's candidates, resources by what is written, and the option and
    row of each."""
    available = [o for o, u in enumerate(row) if len(u.paid) and np.isfinite(problem.loss[layer, o])]
    if not available:
        raise ValueError(f"{problem.layers[layer]} has no format that a unit here can take")
    values = [_columns(problem, layer, option, row[option].paid, fixed) for option in available]
    if by_readers:  # a format that is dearer in all may be the one that is cheaper to write
        judged = [np.column_stack([each, row[o].spent]) for o, each in zip(available, values, strict=True)]
        good = np.concatenate([distinct(each) for each in judged])
    elif apart:  # or the one that the others have
        good = np.concatenate([distinct(each) for each in values])
    else:
        good = distinct(np.concatenate(values))
    kept, which = np.flatnonzero(good), [(o, i) for o in available for i in range(len(row[o].paid))]
    written = np.concatenate([row[option].written for option in available])
    return np.concatenate(values)[kept], written[kept], [which[i] for i in kept]


def _columns(problem: Problem, layer: int, option: int, paid: Floats, fixed: Sequence[str]) -> Floats:
    """Loss, paths, RESOURCES and fixed costs of the candidates of a layer's option."""
    costs = [problem.costs[name][layer, option] for name in fixed]
    loss, *rest = (np.full(len(paid), value) for value in (problem.loss[layer, option], *costs))
    return np.column_stack([loss, paid[:, ALONG], paid[:, SPENT], *rest])
