"""Coupled layers one after another: the least sum over all choices, and over those with a given option.

Bertelè, Brioschi, Nonserial Dynamic Programming, Academic Press 1972, ISBN 978-0-12-093450-8: a layer is eliminated by
tabulating its best option for every choice of the layers it is coupled with; on a chain this is Viterbi's recursion.
"""

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Shape: TypeAlias = tuple[int, ...]

LARGEST = 1 << 15
"""Entries of the largest table that is worth while."""
_TOGETHER = 1 << 20
"""Most entries of a clique's tables of several problems at once."""


@dataclass(frozen=True)
class Clique:
    """A layer and the later ones that its table depends on; `pairs` [left, ...] is what couples them.

    priced    the pairs whose tables come with prices: where these have what is left of the two, this layer's along
              rows, and the shape that lays it along the axes here
    children  the cliques whose tables it takes in, each with the shape that lays it along the axes of this one
    """

    layer: int
    rest: tuple[int, ...]
    pairs: Floats
    priced: tuple[tuple[int, tuple[Ints, Ints], Shape], ...]
    children: tuple[tuple[int, Shape], ...]


@dataclass(frozen=True)
class Elimination:
    """Cliques in the order of elimination, each before the ones that take it in.

    Their tables have the options that are `left` of each layer, of as many as `options`.
    """

    cliques: tuple[Clique, ...]
    left: tuple[Ints, ...]
    options: int

    def tables(self, single: Floats, priced: Floats) -> list[tuple[Floats, Floats]]:
        """Each clique's sums [left, ...] and their least over its layer's options.

        `single` [layers, options], `priced` [priced pairs, options, options]: what they add.
        """
        found: list[tuple[Floats, Floats]] = []
        for clique in self.cliques:
            inner = [(found[child][1][None], shape) for child, shape in clique.children]
            table = self._table(clique, single[None], priced, inner)[0]
            found.append((table, table.min(axis=0)))
        return found

    def least(self, single: Floats, priced: Floats) -> Floats:
        """The least sums of several problems at once: single [problems, layers, options], the rest as in `tables`."""
        step = max(1, _TOGETHER // max((clique.pairs.size for clique in self.cliques), default=1))
        parts = [single[start : start + step] for start in range(0, len(single), step)]
        return np.concatenate([self._least(part, priced) for part in parts])

    def _least(self, single: Floats, priced: Floats) -> Floats:
        found: dict[int, Floats] = {}
        total = np.zeros(len(single))
        for i, clique in enumerate(self.cliques):
            inner = [(found.pop(child), shape) for child, shape in clique.children]
            least = self._table(clique, single, priced, inner).min(axis=1)
            if clique.rest:
                found[i] = least
            else:
                total += least
        return total

    def _table(self, clique: Clique, single: Floats, priced: Floats, inner: Sequence[tuple[Floats, Shape]]) -> Floats:
        """A clique's sums [problems, left, ...] with the tables [problems, left, ...] that it takes in."""
        problems = len(single)
        own = single[:, clique.layer, self.left[clique.layer]]
        table = clique.pairs + own.reshape(problems, -1, *(1,) * len(clique.rest))
        for pair, at, shape in clique.priced:
            table += priced[pair][at].reshape(shape)
        for least, shape in inner:
            table += least.reshape(problems, *shape)
        return np.asarray(table)

    def best(self, tables: list[tuple[Floats, Floats]]) -> Ints:
        """The choice of least sum."""
        place, choice = np.zeros(len(self.cliques), np.int64), np.zeros(len(self.cliques), np.int64)
        for clique, (table, _) in zip(reversed(self.cliques), reversed(tables), strict=True):
            place[clique.layer] = table[(slice(None), *place[list(clique.rest)])].argmin()
            choice[clique.layer] = self.left[clique.layer][place[clique.layer]]
        return choice

    def above(self, clique: Clique, table: tuple[Floats, Floats], taken: Sequence[Ints]) -> Floats:
        """What each option of a clique's layer is above the least beside options int[n] of its rest: [options, n]."""
        values, least = table
        rest: tuple[Any, ...] = tuple(
            np.searchsorted(self.left[r], options) for r, options in zip(clique.rest, taken, strict=True)
        )
        step = values[(slice(None), *rest)] - least[rest] if rest else (values - least)[:, None]
        return self._whole(step, clique.layer)

    def marginals(self, tables: list[tuple[Floats, Floats]]) -> tuple[Floats, dict[int, Floats]]:
        """The least sum of a choice with each option, of the parts that are coupled with it: [layers, options]; and
        with each two options of a priced pair."""
        outside: list[Floats] = [np.zeros(least.shape) for _, least in tables]
        found, between = np.empty((len(self.cliques), self.options)), {}
        for i in range(len(self.cliques) - 1, -1, -1):
            clique, total = self.cliques[i], tables[i][0] + outside[i]
            found[clique.layer] = self._whole(total.reshape(len(total), -1).min(axis=1), clique.layer)
            for pair, at, shape in clique.priced:
                both = total.min(axis=_absent(shape))
                between[pair] = np.full((self.options, self.options), np.inf)
                between[pair][at] = both.reshape(np.broadcast_shapes(*(each.shape for each in at)))
            for child, shape in clique.children:
                inner = tables[child][1]
                with np.errstate(invalid="ignore"):
                    rest = total - inner.reshape(shape)
                rest[np.isnan(rest)] = np.inf
                outside[child] = rest.min(axis=_absent(shape)).reshape(inner.shape)
        return found, between

    def _whole(self, values: Floats, layer: int) -> Floats:
        """Values [left, ...] of a layer as [options, ...], inf where nothing is left."""
        found = np.full((self.options, *values.shape[1:]), np.inf)
        found[self.left[layer]] = values
        return found


def plan(left: Sequence[Ints], options: int, pairs: Ints, added: Floats, priced: Ints) -> Elimination | None:
    """Order the layers so that tables stay small; None where one would pass LARGEST entries.

    left [layers] the rising options of each, pairs [pairs, 2], added [pairs, options, options]; priced [pairs, 2], what
    these add is told later. The layer of the smallest table goes first.
    """
    near: list[set[int]] = [set() for _ in left]
    for a, b in (*pairs.tolist(), *priced.tolist()):
        near[a].add(b)
        near[b].add(a)
    order, scopes = [], {}
    sizes = [len(each) for each in left]

    def entries(layer: int) -> int:
        return sizes[layer] * math.prod(sizes[other] for other in near[layer])

    table = {layer: entries(layer) for layer in range(len(left))}
    queue = [(size, layer) for layer, size in table.items()]
    heapq.heapify(queue)
    while queue:
        size, layer = heapq.heappop(queue)
        if table.get(layer) != size:
            continue  # the layer is gone, or its table has another size by now
        if table.pop(layer) > LARGEST:
            return None
        for other in near[layer]:
            near[other] |= near[layer] - {other}
            near[other].discard(layer)
            size = entries(other)
            if size != table[other]:
                table[other] = size
                heapq.heappush(queue, (size, other))
        order.append(layer)
        scopes[layer] = near[layer]
    return Elimination(_assembled(order, scopes, left, pairs, added, priced), tuple(left), options)


def _assembled(
    order: Sequence[int], scopes: dict[int, set[int]], left: Sequence[Ints], pairs: Ints, added: Floats, priced: Ints
) -> tuple[Clique, ...]:
    position = {layer: i for i, layer in enumerate(order)}
    rests = [tuple(sorted(scopes[layer], key=position.__getitem__)) for layer in order]
    axes = [(layer, *rest) for layer, rest in zip(order, rests, strict=True)]
    sizes = [len(each) for each in left]
    tables = [np.zeros([sizes[layer] for layer in each]) for each in axes]
    for (a, b), table in zip(pairs.tolist(), added, strict=True):
        i, at = _meeting(position, left, a, b)
        tables[i] += table[at].reshape(_along(axes[i], (a, b), sizes))
    later: list[list[tuple[int, tuple[Ints, Ints], Shape]]] = [[] for _ in order]
    for pair, (a, b) in enumerate(priced.tolist()):
        i, at = _meeting(position, left, a, b)
        later[i].append((pair, at, _along(axes[i], (a, b), sizes)))
    children: list[list[tuple[int, Shape]]] = [[] for _ in order]
    for i, rest in enumerate(rests):
        if rest:
            parent = position[rest[0]]
            children[parent].append((i, _along(axes[parent], rest, sizes)))
    parts = zip(order, rests, tables, map(tuple, later), map(tuple, children), strict=True)
    return tuple(Clique(*part) for part in parts)


def _meeting(position: dict[int, int], left: Sequence[Ints], a: int, b: int) -> tuple[int, tuple[Ints, Ints]]:
    """The clique of a pair's first layer, and where a table by both has what is left, that layer's along rows."""
    if position[a] < position[b]:
        return position[a], (left[a][:, None], left[b][None, :])
    return position[b], (left[a][None, :], left[b][:, None])


def _along(axes: Sequence[int], used: Iterable[int], sizes: Sequence[int]) -> Shape:
    return tuple(sizes[axis] if axis in used else 1 for axis in axes)


def _absent(shape: Shape) -> Shape:
    return tuple(axis for axis, size in enumerate(shape) if size == 1)
