"""Tables in which what passes between units of an FPGA costs by the formats of the layers that read it.

What an op writes is in the format of the one layer that reads it; where several do, in the widest of theirs: a row
beyond the layers then stands for it, whose option is at least as wide as that of each. A pooling or a sum is in the
format that it writes. `fpga.carried` says the same of given formats.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.reach import reads
from dse.passed import Passed
from dse.problem import Problem
from dse.tables import Floats, Passing, Tables

Bools = NDArray[np.bool_]

REST = -1
"""In the place of a row: the format that layers without a choice have."""


@dataclass(frozen=True)
class Rows:
    """In whose format each op writes: a row, which is a layer's or, beyond these, one that stands for several.

    writes  the row of each op, REST where all that read it have no choice
    above   (row beyond the layers, a row that it is at least as wide as, or REST): of each, the first to read first
    count   how many rows there are
    """

    problem: Problem
    writes: tuple[int, ...]
    above: tuple[tuple[int, int], ...]
    count: int

    @classmethod
    def of(cls, problem: Problem) -> "Rows":
        """Follow what reads what, from the network's outputs back."""
        ops, follows = problem.workload.ops, problem.follows.tolist()
        readers: list[list[int]] = [[] for _ in ops]
        writes, known, above = [REST] * len(ops), dict[tuple[int, ...], int](), []
        count = len(problem.layers)
        for i, read in reversed(list(enumerate(reads(problem.workload)))):
            several = tuple(dict.fromkeys(reversed(readers[i]))) or (follows[i],)
            if len(several) == 1:
                writes[i] = several[0]
            else:
                if several not in known:
                    known[several], count = count, count + 1
                    above += [(known[several], row) for row in several]
                writes[i] = known[several]
            here = follows[i] if ops[i].weight_elements > 0 else writes[i]
            for source in read:
                readers[source].append(here)
        return cls(problem, tuple(writes), tuple(above), count)

    @cached_property
    def pairs(self) -> dict[tuple[int, int], int]:
        """The op behind each layer that writes in another row's format, by both rows."""
        ops, follows = self.problem.workload.ops, self.problem.follows.tolist()
        found = {}
        for i, row in enumerate(self.writes):
            if ops[i].weight_elements > 0 and REST not in (follows[i], row) and row != follows[i]:
                found[follows[i], row] = i
        return found

    @cached_property
    def of_layers(self) -> list[int]:
        """The row in whose format each layer writes."""
        place = {op.name: i for i, op in enumerate(self.problem.workload.ops)}
        return [self.writes[place[layer]] for layer in self.problem.layers]

    @property
    def bits(self) -> Floats:
        """Bits of each option's activations."""
        return np.array([float(option.activation.bits_per_element) for option in self.problem.options])

    @cached_property
    def together(self) -> dict[tuple[int, int], Bools]:
        """The options that a row beyond the layers and one below it may take together, bool[options, options].

        Of formats as wide as each other the one of what reads first is written.
        """
        bits, names = self.bits, np.array([option.activation.name for option in self.problem.options])
        wider, alike = bits[:, None] > bits, bits[:, None] == bits
        found: dict[tuple[int, int], Bools] = {}
        begun = set[int]()
        for row, under in self.above:
            found[row, under] = wider | (alike if row in begun else names[:, None] == names)
            begun.add(row)
        return found

    @cached_property
    def available(self) -> Bools:
        """The options that rows may take, bool[rows, options]: beyond the layers those of some that they stand for."""
        layers, rest, bits = np.isfinite(self.problem.loss), self.problem.rest, self.bits
        found = np.concatenate([layers, np.zeros((self.count - len(layers), layers.shape[1]), bool)])
        own = np.zeros(layers.shape[1], bool)
        own[rest] = True
        for row in range(len(layers), self.count):
            under = [other for at, other in self.above if at == row]
            for other in under:
                found[row] |= own if other == REST else found[other]
            if REST in under:
                found[row] &= bits >= bits[rest]
        return found


def exact(tables: Tables, passed: Passed, objective: str) -> Tables:
    """The tables of a problem's layers with what `passed` evaluates by what reads it, in rows and pairs of rows.

    `tables` are of the other metrics; the objective's are its loss. Rows beyond the layers that add nothing are left
    out.
    """
    rows = Rows.of(passed.problem)
    single, between = _costs(passed, rows)
    return _with_rows(tables, rows, single, between, objective)


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
    tables: Tables, rows: Rows, single: dict[str, Floats], between: dict[str, Floats], objective: str
) -> Tables:
    """The tables with what rows cost alone, in place of what these have of it, and in pairs."""
    pairs, between = _telling(tuple(rows.pairs), single, between)
    layers, options = len(rows.problem.layers), len(rows.problem.options)
    kept = _needed(rows, pairs, single)
    place = {row: i for i, row in enumerate(kept)}
    available = np.zeros((len(kept), tables.loss.shape[1]), bool)
    available[:layers] = tables.available
    available[layers:, :options] = rows.available[kept[layers:]]
    costs = {name: np.where(available, _longer(table, available), 0.0) for name, table in tables.costs.items()}
    costs |= {name: np.where(available, table[kept], 0.0) for name, table in single.items()}
    loss = costs[objective] if objective in single else _longer(tables.loss, available)
    longer = replace(tables, loss=np.where(available, loss, 0.0), costs=costs, available=available)
    if not pairs and len(kept) == layers:
        return longer
    together = {
        (place[row], place[under]): table
        for (row, under), table in rows.together.items()
        if row in place and under != REST
    }
    added = between.get(objective, np.zeros((len(pairs), tables.loss.shape[1], options)))
    kinds = None
    if tables.kinds is not None:
        own = np.minimum(np.arange(tables.loss.shape[1]), options - 1)
        kinds = np.concatenate([tables.kinds, np.tile(own, (len(kept) - layers, 1))])
    return replace(
        longer,
        groups=(*tables.groups, *((row,) for row in range(layers, len(kept)))),
        kinds=kinds,
        passing=Passing(tuple((place[a], place[b]) for a, b in pairs), added, between, together),
    )


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


def _needed(rows: Rows, pairs: Sequence[tuple[int, int]], single: Mapping[str, Floats]) -> list[int]:
    """The layers, and the rows beyond them that add something or that such a row is above."""
    layers = len(rows.problem.layers)
    wanted = {row for row in range(layers, rows.count) if any(table[row].any() for table in single.values())}
    wanted |= {row for _, row in pairs if row >= layers}
    while more := {under for row, under in rows.above if row in wanted and under >= layers} - wanted:
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


def _longer(table: Floats, available: Bools) -> Floats:
    """The table with as many more rows that cost nothing."""
    return np.concatenate([table, np.zeros((len(available) - len(table), table.shape[1]))])
