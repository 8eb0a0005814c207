"""Which experts a cache lacks, from a trace of those that tokens take; and how few bits each expert may have."""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Trace = NDArray[np.int64]
"""int[tokens, layers, experts_per_token]: the experts that each token takes."""


def skewed_trace(
    experts: int, experts_per_token: int, *, layers: int, tokens: int, skew: float = 0.0, seed: int = 0
) -> Trace:
    """A trace in which the r-th hottest expert of a layer is asked for in proportion to r^-skew.

    0 = all alike. ValueError for more active than existing experts.
    """
    if not 0 < experts_per_token <= experts:
        raise ValueError(f"experts_per_token must be within 1..experts, got {experts_per_token=}, {experts=}")
    rng = np.random.default_rng(seed)
    ranks = np.argsort(rng.random((layers, experts)), axis=1) + 1
    scores = -skew * np.log(ranks) + rng.gumbel(size=(tokens, layers, experts))
    return np.argsort(-scores, axis=2)[..., :experts_per_token]


def miss_rate(trace: Trace, cached: int) -> float:
    """Share of the asked-for experts that a layer's cache of `cached`, the least recently used one leaving, lacks."""
    if cached < 0:
        raise ValueError(f"cached must be at least 0, got {cached}")
    return sum(len(_misses(trace[:, layer].ravel().tolist(), cached)) for layer in range(trace.shape[1])) / trace.size


def misses_by_rank(trace: Trace, cached: int, experts: int) -> NDArray[np.float64]:
    """Share of all asked-for experts that are the r-th hottest of their layer and missing: float64[experts]."""
    return by_rank(trace, cached, experts)[0]


def by_rank(trace: Trace, cached: int, experts: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of the asked-for that are each layer's r-th hottest expert and missing, and of the filled places it has.

    Two float64[experts].
    """
    missed, places = np.zeros(experts), np.zeros(experts)
    for layer in range(trace.shape[1]):
        asked = trace[:, layer].ravel()
        hottest_first = np.argsort(-np.bincount(asked, minlength=experts), kind="stable")
        misses, held = _walk(asked.tolist(), cached)
        missed += np.bincount(misses, minlength=experts)[hottest_first]
        places += np.bincount(held, minlength=experts)[hottest_first]
    return missed / trace.size, places / max(places.sum(), 1.0)


def _misses(asked: Sequence[int], cached: int) -> list[int]:
    return _walk(asked, cached)[0]


def _walk(asked: Sequence[int], cached: int) -> tuple[list[int], list[int]]:
    """The experts that were not there when asked for, and those that were held after each was."""
    held: OrderedDict[int, None] = OrderedDict()
    misses: list[int] = []
    places: list[int] = []
    for expert in asked:
        if expert in held:
            held.move_to_end(expert)
        else:
            misses.append(expert)
            held[expert] = None
            if len(held) > cached:
                held.popitem(last=False)
        places += held
    return misses, places


def fewest_bits(losses: ArrayLike, bits: Sequence[int], tolerance: float) -> NDArray[np.int64]:
    """The fewest bits of each expert that lose at most `tolerance`, else the most there are: int[experts].

    `losses` is float64[experts, options], an option for each of `bits`, rising.
    """
    allowed = np.asarray(losses) <= tolerance
    first = np.where(allowed.any(axis=1), allowed.argmax(axis=1), len(bits) - 1)
    return np.asarray(bits)[first]
