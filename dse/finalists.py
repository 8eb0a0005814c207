"""Choose the best of a few finalists by measuring them, with a fixed number of measurements.

Sequential halving: Karnin, Koren, Somekh, Almost Optimal Exploration in Multi-Armed Bandits, ICML 2013 (algorithm 1):
each round measures all that are left equally often and drops the worse half.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Finalist:
    """The winner's index, and of each finalist how often it was measured, the mean, and its standard error.

    The error is nan where one was measured once. `measurements` were spent in all.
    """

    best: int
    count: NDArray[np.int64]
    mean: Floats
    error: Floats
    measurements: int


def best_arm(
    measure: Callable[[int, int], float],
    finalists: int,
    budget: int,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Finalist:
    """Return which of `finalists` has the least mean, spending at most `budget` calls of measure(finalist, repeat).

    `measure` may be noisy: a latency on a device, an accuracy on a random batch; the repeat, 0 and up, can seed it.
    Means use all of a finalist's measurements. ValueError where the budget is too small to measure each once in every
    round, or a measurement is not finite.
    """
    rounds = max(1, math.ceil(math.log2(finalists))) if finalists > 0 else 0
    if finalists < 1 or budget < finalists * rounds:
        raise ValueError(
            f"budget must be at least {max(1, finalists * rounds)} for {finalists} finalists, got {budget}"
        )
    seen: list[list[float]] = [[] for _ in range(finalists)]
    left = list(range(finalists))
    for _ in range(rounds):
        for arm in left:
            for _ in range(budget // (len(left) * rounds)):
                value = float(measure(arm, len(seen[arm])))
                if not math.isfinite(value):
                    raise ValueError(f"a measurement must be finite, got {value} of finalist {arm}")
                seen[arm].append(value)
                if progress:
                    progress(sum(map(len, seen)), budget)
        left = sorted(left, key=lambda arm: (float(np.mean(seen[arm])), arm))[: math.ceil(len(left) / 2)]
    count = np.array([len(values) for values in seen])
    spread = [np.std(values, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan for values in seen]
    return Finalist(left[0], count, np.array([np.mean(v) for v in seen]), np.array(spread), int(count.sum()))
