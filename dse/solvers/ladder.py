"""Non-dominated sums of two columns where steps of the first share a divisor: dynamic programming over its multiples.

Kellerer, Pferschy, Pisinger, Knapsack Problems, Springer 2004, doi 10.1007/978-3-540-24777-7, section 11.5: the least
loss at every reachable cost, one layer after another.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

FAR = 1 << 61
"""The loss of a cost that no choice has; sums of losses stay below 2**60."""
_GROWTH, _SMALL, _LARGEST = 3, 4096, 1 << 20
"""A step that leaves more rungs than this many times those before, and than _SMALL, is better done on points."""


@dataclass(frozen=True)
class Rise:
    """How one layer was added: each rung's option, how far each option climbs, how many rungs became of one."""

    option: NDArray[np.int8]
    climb: Ints
    ratio: int

    def before(self, rungs: Ints) -> tuple[Ints, NDArray[np.int8]]:
        """The rungs that these came from, and the options taken."""
        option = self.option[rungs]
        below = rungs - self.climb[option]
        return below // self.ratio if self.ratio > 1 else below, option


@dataclass(frozen=True)
class Ladder:
    """The least loss at each multiple of `divisor` above the least cost; FAR where no choice has that cost."""

    loss: Ints
    divisor: int

    def added(self, costs: Ints, losses: Ints, usable: Ints) -> "tuple[Ladder, Rise] | None":
        """Add a layer's options [options], costs and losses above their least; None where rungs get too many."""
        divisor = int(np.gcd.reduce(costs[usable], initial=self.divisor)) or 1
        ratio = self.divisor // divisor or 1
        climb = costs // divisor
        old = (len(self.loss) - 1) * ratio + 1
        rungs = old + int(climb[usable].max())
        if rungs > max(_SMALL, _GROWTH * len(self.loss)) or rungs > _LARGEST or len(costs) > np.iinfo(np.int8).max:
            return None
        spread = self.loss
        if ratio > 1:
            spread = np.full(old, FAR, np.int64)
            spread[::ratio] = self.loss
        loss, option = np.full(rungs, FAR, np.int64), np.zeros(rungs, np.int8)
        for o in usable.tolist():
            start = int(climb[o])
            sums, place = spread + losses[o], loss[start : start + old]
            better = sums < place
            np.copyto(place, sums, where=better)
            np.copyto(option[start : start + old], np.int8(o), where=better)
        return Ladder(loss, divisor), Rise(option, climb, ratio)

    def front(self) -> Ints:
        """The rungs that no lower one matches in loss."""
        lower = self.loss[1:] < np.minimum.accumulate(self.loss)[:-1]
        return np.flatnonzero(np.append(self.loss[0] < FAR, lower))


def order(steps: Ints, widths: Ints) -> Ints:
    """Layers in the order, of a few, that makes for fewest rungs in all.

    `steps` are the divisors of each layer's costs above its least, `widths` their largest: coarse steps first, by size
    or by the power of two in them.
    """
    powers = steps & -steps
    orders = [np.lexsort((-steps, -np.where(steps == 0, FAR, first))) for first in (steps, powers)]
    return min(orders, key=lambda layers: _rungs(steps[layers], widths[layers]))


def _rungs(steps: Ints, widths: Ints) -> float:
    """All rungs of all steps; those beyond what a ladder may have count as points do, _LARGEST."""
    divisors = np.maximum(np.gcd.accumulate(steps), 1)
    return float(np.minimum(np.cumsum(widths) // divisors, _LARGEST).sum())
