"""Tables in which what passes between units of an FPGA costs by the formats of the layers that read it.

What an op writes is in the format of the one layer that reads it; where several do, in the widest of theirs, of those
as wide as each other that of what reads first: rows beyond the layers then stand for it, each for two, whose options
say the format and whose it is. A pooling or a sum is in the format that it writes. `fpga.carried` says the same of
given formats.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.reach import reads
from dse.passed import Passed
from dse.problem import Problem
from dse.tables import Floats, Passing, Tables, larger

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

REST = -1
"""In the place of a row: the format that layers without a choice have."""

ANY = -1
"""In the place under a row: whose format it has is not told."""


@dataclass(frozen=True)
class Rows:
    """In whose format each op writes: a row, which is a layer's or, beyond these, one that stands for several.

    writes  the row of each op, REST where all that read it have no choice
    under   the two rows that each row beyond the layers has the wider format of, or REST: the first to read first; of
            more, the second stands for the rest
    loose   rows that may be wider than those under them, as that is never cheaper
    """

    problem: Problem
    writes: tuple[int, ...]
    under: Mapping[int, tuple[int, int]]
    loose: frozenset[int] = frozenset()

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.problem.layers) + len(self.under)

    @classmethod
    def of(cls, problem: Problem) -> "Rows":
        """Follow what reads what, from the network's outputs back."""
        ops, follows = problem.workload.ops, problem.follows.tolist()
        readers: list[list[int]] = [[] for _ in ops]
        writes, known = [REST] * len(ops), dict[tuple[int, int], int]()
        for i, read in reversed(list(enumerate(reads(problem.workload)))):
            *firsts, writes[i] = tuple(dict.fromkeys(reversed(readers[i]))) or (follows[i],)
            for first in reversed(firsts):
                writes[i] = known.setdefault((first, writes[i]), len(problem.layers) + len(known))
            here = follows[i] if ops[i].weight_elements > 0 else writes[i]
            for source in read:
                readers[source].append(here)
        return cls(problem, tuple(writes), {row: both for both, row in known.items()})

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
    def states(self) -> dict[int, Ints]:
        """What each row beyond the layers may be, int[states, 2]: an option in whose format it writes, and the place
        under it of the row whose that is, ANY of a loose one."""
        available, rest = np.isfinite(self.problem.loss), self.problem.rest
        found: dict[int, Ints] = {}
        for row, under in self.under.items():
            each: list[tuple[int, int]] = []
            for place, other in enumerate(under):
                if other == REST:
                    formats = self.alike[[rest]]
                else:
                    formats = found[other][:, 0] if other in found else self.alike[available[other]]
                each += [(option, ANY if row in self.loose else place) for option in np.unique(formats).tolist()]
            states = [state for state in dict.fromkeys(each) if self._beside_rest(state, under)]
            found[row] = np.array(states, np.int64).reshape(-1, 2)
        return found

    @cached_property
    def alike(self) -> Ints:
        """The first option with the activations of each."""
        names = [option.activation.name for option in self.problem.options]
        return np.array([names.index(name) for name in names])

    def _beside_rest(self, state: tuple[int, int], under: Sequence[int]) -> bool:
        """Whether a state has the widest format beside layers without a choice."""
        rest = np.array([self.problem.rest])
        return all(self._fits(state, at, rest)[0] for at, other in enumerate(under) if other == REST)

    def _fits(self, state: tuple[int, int], at: int, options: Ints) -> Bools:
        """Whether a state is right beside some options of the row at a place under it."""
        (option, place), bits = state, self.bits
        if at == place:
            return np.asarray(self.alike[options] == option)
        return np.asarray(bits[options] < bits[option] if at < place else bits[options] <= bits[option])

    def by_state(self, table: Floats, kept: Sequence[int], shape: tuple[int, int]) -> Floats:
        """A table of rows [rows, options] by the states of those kept, of a shape with as many more zeros."""
        layers = len(self.problem.layers)
        found = larger(table[:layers], shape)
        for at, row in enumerate(kept[layers:], layers):
            found[at, : len(self.states[row])] = table[row, self.states[row][:, 0]]
        return found

    @cached_property
    def together(self) -> dict[tuple[int, int], Bools]:
        """What a row beyond the layers and one under it may be together, bool[states, options or states]."""
        every, found = np.arange(len(self.problem.options)), dict[tuple[int, int], Bools]()
        for row, under in self.under.items():
            for at, other in enumerate(under):
                if other != REST:
                    options = self.states[other][:, 0] if other in self.states else every
                    each = [self._fits((option, place), at, options) for option, place in self.states[row].tolist()]
                    found[row, other] = np.array(each)
        return found


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
