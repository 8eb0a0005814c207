"""Coupled layers one after another: the least sum over all choices, and over those with a given option.

Bertelè, Brioschi, Nonserial Dynamic Programming, Academic Press 1972, ISBN 978-0-12-093450-8: a layer is eliminated by
tabulating its best option for every choice of the layers it is coupled with; on a chain this is Viterbi's recursion.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LARGEST = 1 << 15
"""Entries of the largest table that is worth while."""


@dataclass(frozen=True)
class Clique:
    """A layer and the later ones that its table depends on; `pairs` [options, ...] is what couples them.

    priced    the pairs whose tables come with prices, each with whether it is turned and the shape that lays it along
    children  the cliques whose tables it takes in, each with the shape that lays it along the axes of this one
    """

    layer: int
    rest: tuple[int, ...]
    pairs: Floats
    priced: tuple[tuple[int, bool, tuple[int, ...]], ...]
    children: tuple[tuple[int, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Elimination:
    """Cliques in the order of elimination, each before the ones that take it in."""

    cliques: tuple[Clique, ...]

    def tables(self, single: Floats, priced: Floats) -> list[tuple[Floats, Floats]]:
        """Each clique's sums [options, ...] and their least over its layer's options.

        `single` [layers, options], `priced` [priced pairs, options, options]: what they add.
        """
        found: list[tuple[Floats, Floats]] = []
        for clique in self.cliques:
            table = clique.pairs + single[clique.layer].reshape(-1, *(1,) * len(clique.rest))
            for pair, turned, shape in clique.priced:
                table = table + (priced[pair].T if turned else priced[pair]).reshape(shape)
            for child, shape in clique.children:
                table = table + found[child][1].reshape(shape)
            found.append((table, table.min(axis=0)))
        return found

    def best(self, tables: list[tuple[Floats, Floats]]) -> Ints:
        """The choice of least sum."""
        choice = np.zeros(len(self.cliques), np.int64)
        for clique, (table, _) in zip(reversed(self.cliques), reversed(tables), strict=True):
            choice[clique.layer] = table[(slice(None), *choice[list(clique.rest)])].argmin()
        return choice

    def marginals(self, tables: list[tuple[Floats, Floats]]) -> tuple[Floats, dict[int, Floats]]:
        """The least sum of a choice with each option, of the parts that are coupled with it: [layers, options]; and
        with each two options of a priced pair."""
        options = tables[0][0].shape[0]
        outside: list[Floats] = [np.zeros((options,) * len(clique.rest)) for clique in self.cliques]
        found, between = np.empty((len(self.cliques), options)), {}
        for i in range(len(self.cliques) - 1, -1, -1):
            clique, total = self.cliques[i], tables[i][0] + outside[i]
            found[clique.layer] = total.reshape(options, -1).min(axis=1)
            for pair, turned, shape in clique.priced:
                both = total.min(axis=tuple(axis for axis, size in enumerate(shape) if size == 1))
                between[pair] = both.T if turned else both
            for child, shape in clique.children:
                inner = tables[child][1].reshape(shape)
                with np.errstate(invalid="ignore"):
                    rest = total - inner
                rest[np.isnan(rest)] = np.inf
                axes = tuple(axis for axis, size in enumerate(shape) if size == 1)
                outside[child] = rest.min(axis=axes)
        return found, between


def plan(layers: int, options: int, pairs: Ints, added: Floats, priced: Ints) -> Elimination | None:
    """Order the layers so that tables stay small; None where one would pass LARGEST entries.

    pairs [pairs, 2], added [pairs, options, options]; priced [pairs, 2], what these add is told later. The layer with
    fewest neighbours goes first.
    """
    near: list[set[int]] = [set() for _ in range(layers)]
    for a, b in (*pairs.tolist(), *priced.tolist()):
        near[a].add(b)
        near[b].add(a)
    order, scopes = [], {}
    left = set(range(layers))
    while left:
        layer = min(left, key=lambda v: (len(near[v]), v))
        if options ** (1 + len(near[layer])) > LARGEST:
            return None
        for other in near[layer]:
            near[other] |= near[layer] - {other}
            near[other].discard(layer)
        order.append(layer)
        scopes[layer] = near[layer]
        left.discard(layer)
    return _assemble(order, scopes, options, pairs, added, priced)


def _assemble(
    order: Sequence[int], scopes: dict[int, set[int]], options: int, pairs: Ints, added: Floats, priced: Ints
) -> Elimination:
    position = {layer: i for i, layer in enumerate(order)}
    rests = [tuple(sorted(scopes[layer], key=position.__getitem__)) for layer in order]
    tables = [np.zeros((options,) * (1 + len(rest))) for rest in rests]
    for (a, b), table in zip(pairs.tolist(), added, strict=True):
        first, second, turned = (a, b, table) if position[a] < position[b] else (b, a, table.T)
        i = position[first]
        tables[i] += turned.reshape(_along((first, *rests[i]), (first, second), options))
    later: list[list[tuple[int, bool, tuple[int, ...]]]] = [[] for _ in order]
    for pair, (a, b) in enumerate(priced.tolist()):
        first, second = (a, b) if position[a] < position[b] else (b, a)
        i = position[first]
        later[i].append((pair, first == b, _along((first, *rests[i]), (first, second), options)))
    children: list[list[tuple[int, tuple[int, ...]]]] = [[] for _ in order]
    for i, rest in enumerate(rests):
        if rest:
            parent = position[rest[0]]
            children[parent].append((i, _along((rest[0], *rests[parent]), rest, options)))
    parts = zip(order, rests, tables, map(tuple, later), map(tuple, children), strict=True)
    return Elimination(tuple(Clique(*part) for part in parts))


def _along(axes: Sequence[int], used: Sequence[int], options: int) -> tuple[int, ...]:
    return tuple(options if axis in used else 1 for axis in axes)
