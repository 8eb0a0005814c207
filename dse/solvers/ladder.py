"""Non-dominated sums of two columns where steps of the first share a divisor: dynamic programming over its multiples.

Kellerer, Pferschy, Pisinger, Knapsack Problems, Springer 2004, doi 10.1007/978-3-540-24777-7, section 11.5: the least
loss at every reachable cost, one layer after another.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Coded = NDArray[np.uint64]
Options = NDArray[np.int16]

_FAR = np.uint64(1 << 63)
"""The coded loss of a cost that no choice has: above any other, and below 2**64 whatever is added to it."""
_SMALL, _LARGEST, _SPARSE = 4096, 1 << 20, 32
"""A step that leaves more rungs than this many times the points before, and than _SMALL, is better done on points."""


@dataclass(frozen=True)
class Rise:
    """How one layer was added: each rung's option, how far each option climbs, how many rungs became of one."""

    option: Options
    climb: Ints
    ratio: int

    def before(self, rungs: Ints) -> tuple[Ints, Options]:
        """The rungs that these came from, and the options taken."""
        option = self.option[rungs]
        below = rungs - self.climb[option]
        return below // self.ratio if self.ratio > 1 else below, option


@dataclass(frozen=True)
class Ladder:
    """The least loss at each multiple of `divisor` above the least cost.

    A loss is coded above the bits of the option that its last layer takes, so that one minimum finds both; `_FAR` where
    no choice has that cost.
    """

    coded: Coded
    divisor: int
    bits: int

    @classmethod
    def start(cls, options: int, largest: int) -> "Ladder | None":
        """No layer yet; None where sums of losses up to `largest` leave no bits for so many options."""
        bits = (options - 1).bit_length()
        return cls(np.zeros(1, np.uint64), 0, bits) if largest.bit_length() + bits <= 63 else None

    @property
    def mask(self) -> np.uint64:
        """The bits of the option."""
        return np.uint64((1 << self.bits) - 1)

    def added(self, costs: Ints, losses: Ints, usable: Ints) -> "tuple[Ladder, Rise] | None":
        """Add a layer's options [options], costs and losses above their least; None where rungs get too many."""
        divisor = int(np.gcd.reduce(costs[usable], initial=self.divisor)) or 1
        ratio = self.divisor // divisor or 1
        climb = costs // divisor
        old = (len(self.coded) - 1) * ratio + 1
        rungs = old + int(climb[usable].max())
        if rungs > _LARGEST or (rungs > max(_SMALL, 2 * len(self.coded)) and rungs > _SPARSE * len(self.front())):
            return None
        spread = self.coded & ~self.mask
        if ratio > 1:
            spread, between = np.full(old, _FAR), spread
            spread[::ratio] = between
        added = losses.astype(np.uint64) << np.uint64(self.bits) | np.arange(len(losses), dtype=np.uint64)
        coded, sums = np.full(rungs, _FAR), np.empty(old, np.uint64)
        for o in usable.tolist():
            place = coded[climb[o] : climb[o] + old]
            np.minimum(place, np.add(spread, added[o], out=sums), out=place)
        return Ladder(coded, divisor, self.bits), Rise((coded & self.mask).astype(np.int16), climb, ratio)

    def front(self) -> Ints:
        """The rungs that no lower one matches in loss."""
        loss = self.coded & ~self.mask
        lower = loss[1:] < np.minimum.accumulate(loss)[:-1]
        return np.flatnonzero(np.append(loss[0] < _FAR, lower))

    def loss(self, rungs: Ints) -> Ints:
        """The losses of rungs that some choice has."""
        return (self.coded[rungs] >> np.uint64(self.bits)).astype(np.int64)


def options(rises: Sequence[Rise], order: Ints, rungs: Ints, layers: int) -> Options:
    """The option of each layer on the way to rungs after the last rise: [rungs, layers], those in `order` filled in.

    Where rungs were coarser, the way to each of those that were passed is found once.
    """
    later: list[tuple[int, Options]] = []
    for i in range(len(rises) - 1, -1, -1):
        if later and rises[i + 1].ratio > 1:
            passed = np.zeros(len(rises[i].option), np.bool_)
            passed[rungs] = True
            every = options(rises[: i + 1], order, np.flatnonzero(passed), layers)
            found = every.take((np.cumsum(passed) - 1)[rungs], axis=0)
            break
        rungs, option = rises[i].before(rungs)
        later.append((int(order[i]), option))
    else:
        found = np.empty((len(rungs), layers), np.int16)
    for layer, option in later:
        found[:, layer] = option
    return found


def order(steps: Ints, widths: Ints) -> Ints:
    """Layers in the order, of a few, that makes for fewest rungs in all.

    `steps` are the divisors of each layer's costs above its least, `widths` their largest: coarse steps first, by size
    or by the power of two in them.
    """
    powers = steps & -steps
    orders = [np.lexsort((-steps, -np.where(steps == 0, np.iinfo(np.int64).max, first))) for first in (steps, powers)]
    return min(orders, key=lambda layers: _rungs(steps[layers], widths[layers]))


def _rungs(steps: Ints, widths: Ints) -> float:
    """All rungs of all steps; those beyond what a ladder may have count as points do, _LARGEST."""
    divisors = np.maximum(np.gcd.accumulate(steps), 1)
    return float(np.minimum(np.cumsum(widths) // divisors, _LARGEST).sum())
