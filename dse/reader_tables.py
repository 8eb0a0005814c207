"""Tables in which what passes between units of an FPGA costs by the formats of the layers that read it (`readers`)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from dse.passed import Passed
from dse.problem import Problem
from dse.readers import REST, Rows
from dse.tables import Floats, Passing, Tables, larger


def exact(tables: Tables, passed: Passed, objective: str, *, loose: bool = False, every: bool = False) -> Tables:
    """The tables of a problem's layers with what `passed` evaluates by what reads it, in rows and pairs of rows.

    `tables` are of the other metrics; the objective's are its loss. Rows beyond the layers that add nothing are left
    out, unless `every` one is asked for. `loose` ones may be wider than what they stand for where that is never
    cheaper: fewer states have the same front, but more plans its sums.
    """
    rows = Rows.of(passed.problem)
    single, between = _costs(passed, rows)
    if loose:
        rows = replace(rows, loose=_loose(rows, single, between))
    return _with_rows(tables, rows, single, between, objective, every=every)


def folded(tables: Tables, problem: Problem, written: Mapping[str, Floats]) -> Tables:
    """The tables of a problem's candidates with what they cost by what reads them, in rows and pairs of rows.

    `written` {name: float[layers, candidates, options]} by the option in whose format is written.
    """
    rows, layers = Rows.of(problem), np.arange(len(problem.layers))
    single, between = {}, {}
    for name, table in written.items():
        alone = np.zeros((rows.count, table.shape[1]))
        for layer, row in zip(layers.tolist(), rows.of_layers, strict=True):
            if (layer, row) not in rows.pairs:
                alone[layer] = _own(table[layer], tables, layer) if row == layer else table[layer, :, problem.rest]
        single[name], between[name] = alone, table[[layer for layer, _ in rows.pairs]]
    return _with_rows(tables, rows, single, between, "")


def _own(table: Floats, tables: Tables, layer: int) -> Floats:
    """What candidates cost that write in their own format."""
    assert tables.kinds is not None
    return np.asarray(np.take_along_axis(table, tables.kinds[layer][:, None], axis=1)[:, 0])


def _with_rows(
    tables: Tables,
    rows: Rows,
    single: dict[str, Floats],
    between: dict[str, Floats],
    objective: str,
    *,
    every: bool = False,
) -> Tables:
    """The tables with what rows cost alone, in place of what these have of it, and in pairs."""
    pairs, between = _telling(tuple(rows.pairs), single, between)
    layers = len(rows.problem.layers)
    kept = list(range(rows.count)) if every else _needed(rows, pairs, single)
    beyond = [rows.states[row] for row in kept[layers:]]
    kinds = max(len(rows.problem.options), *map(len, beyond), 0)
    shape = len(kept), max(tables.loss.shape[1], kinds)
    available = larger(tables.available, shape)
    for row, states in enumerate(beyond, layers):
        available[row, : len(states)] = True
    alone = {name: rows.by_state(table, kept, shape) for name, table in single.items()}
    costs = {name: np.where(available, larger(table, shape), 0.0) for name, table in {**tables.costs, **alone}.items()}
    loss = costs[objective] if objective in alone else larger(tables.loss, shape)
    longer = replace(tables, loss=np.where(available, loss, 0.0), costs=costs, available=available)
    if not pairs and not beyond:
        return longer
    place = {row: i for i, row in enumerate(kept)}
    own = np.tile(np.minimum(np.arange(shape[1]), kinds - 1), (len(beyond), 1))
    size = len(pairs), shape[1], kinds
    within = tuple((place[a], place[b]) for a, b in pairs)
    read = {name: _by_reader(table, pairs, rows, size) for name, table in between.items()}
    together = {
        (place[row], place[under]): larger(table, (kinds, kinds))
        for (row, under), table in rows.together.items()
        if row in place
    }
    return replace(
        longer,
        groups=(*tables.groups, *((row,) for row in range(layers, len(kept)))),
        kinds=None if tables.kinds is None else np.concatenate([larger(tables.kinds, (layers, shape[1])), own]),
        conversion=None if tables.conversion is None else larger(tables.conversion, (kinds, kinds)),
        passing=Passing(within, read.get(objective, np.zeros(size)), read, together, len(beyond)),
    )


def _by_reader(table: Floats, pairs: Sequence[tuple[int, int]], rows: Rows, shape: tuple[int, int, int]) -> Floats:
    """What pairs cost, by the reader's options or states instead of what it reads in."""
    found = np.zeros(shape)
    for pair, (_, reader) in enumerate(pairs):
        read = table[pair][:, rows.states[reader][:, 0]] if reader in rows.states else table[pair]
        found[pair, : read.shape[0], : read.shape[1]] = read
    return found


def _telling(
    pairs: tuple[tuple[int, int], ...], single: Mapping[str, Floats], between: Mapping[str, Floats]
) -> tuple[tuple[tuple[int, int], ...], dict[str, Floats]]:
    """The pairs in which the reader matters, and their costs; what the others add is added to their writers' rows."""
    told = np.zeros(len(pairs), bool)
    for table in between.values():
        told |= (table != table[:, :, :1]).any(axis=(1, 2))
    for name, table in between.items():
        for pair in np.flatnonzero(~told).tolist():
            single[name][pairs[pair][0]] += table[pair, :, 0]
    left = tuple(pair for pair, tells in zip(pairs, told, strict=True) if tells)
    return left, {name: table[told] for name, table in between.items()}


def _loose(rows: Rows, single: Mapping[str, Floats], between: Mapping[str, Floats]) -> frozenset[int]:
    """The rows beyond the layers for which, as for all that follow from them, a wider format is never cheaper."""
    order = np.argsort(rows.bits, kind="stable")
    alike = np.diff(rows.bits[order]) == 0

    def rises(table: Floats) -> bool:
        steps = np.diff(table[..., order])
        return not ((steps < 0).any() or steps[..., alike].any())

    found = {row for row in rows.under if all(rises(table[row]) for table in single.values())}
    for table in between.values():
        found -= {row for (_, row), each in zip(rows.pairs, table, strict=True) if not rises(each)}
    for row in sorted(rows.under, reverse=True):
        found -= set() if row in found else {*rows.under[row]}
    return frozenset(found)


def _needed(rows: Rows, pairs: Sequence[tuple[int, int]], single: Mapping[str, Floats]) -> list[int]:
    """The layers, and the rows beyond them that add something or that such a row is above."""
    layers = len(rows.problem.layers)
    wanted = {row for row in range(layers, rows.count) if any(table[row].any() for table in single.values())}
    wanted |= {row for _, row in pairs if row >= layers}
    while more := {under for row in wanted for under in rows.under.get(row, ()) if under >= layers} - wanted:
        wanted |= more
    return [*range(layers), *sorted(wanted)]


def _costs(passed: Passed, rows: Rows) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """What rows cost alone {name: float[rows, options]} and in pairs {name: float[pairs, options, options]}."""
    problem = passed.problem
    options, rest = len(problem.options), problem.rest
    single, between = {}, {}
    for name in passed.names:
        alone, pairs = np.zeros((rows.count, options)), np.zeros((len(rows.pairs), options, options))
        table = passed.by_option(name)
        for i, row in enumerate(rows.writes):
            own = int(problem.follows[i])
            at = table[i, :, rest] if row == REST else table[i, rest]
            if not passed.weighted[i]:
                _add(alone, row, np.full(options, table[i, rest, rest]) if row == REST else np.diagonal(table[i]))
            elif own == REST:
                _add(alone, row, np.full(options, table[i, rest, rest]) if row == REST else at)
            elif row in (REST, own):
                _add(alone, own, at if row == REST else np.diagonal(table[i]))
        for pair, op in enumerate(rows.pairs.values()):
            pairs[pair] = table[op]
        single[name], between[name] = alone, pairs
    return single, between


def _add(alone: Floats, row: int, values: Floats) -> None:
    """Add what a row costs by its option; what has no choice to the first, at any."""
    alone[max(row, 0)] += values
