"""In whose format each op of an FPGA's network writes: a layer's that reads it, or the widest of several's.

What an op writes is in the format of the one layer that reads it; where several do, in the widest of theirs, of those
as wide as each other that of what reads first: rows beyond the layers then stand for it, each for two, whose options
say the format and whose it is. A pooling or a sum is in the format that it writes. `fpga.carried` says the same of
given formats.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.reach import reads
from dse.problem import Problem
from dse.tables import Floats, larger

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
