"""Kinds near those of given plans whose options may keep the budgets, those of least loss first."""

import numpy as np

from dse.solvers.part import Floats, Ints, Part, Values

MOST = 20_000
"""Kinds that are compared at once; where changes of two groups are more, one alone changes."""


def near(part: Part, prices: Floats, plans: Ints, below: float) -> Ints:
    """Kinds int[found, groups] that differ from those of plans int[plans, groups] in at most two open groups.

    Of a loss below the given one, and whose least priced sum is no more than their loss: the others break a budget.
    """
    rows = np.arange(plans.shape[1])
    bases = np.unique([part.coupled.kind(rows, plan)[part.open] for plan in plans], axis=0)
    tried = _distinct(np.concatenate([_changed(part, base) for base in bases]))
    free, priced = (part.by_kind(part.values(each)) for each in (np.zeros(len(prices)), prices))
    loss = part.start + _sums(part, free, tried)
    bound = part.start + _sums(part, priced, tried) - float(prices @ part.room)
    good = np.flatnonzero((loss < below) & (bound <= loss * (1 + 1e-9)))
    good = good[np.argsort(loss[good], kind="stable")]
    found = np.tile(part.coupled.kind(rows, part.decided), (len(good), 1))
    found[:, part.open] = tried[good]
    return found


def _changed(part: Part, base: Ints) -> Ints:
    """The base, with another kind in one group, and in two where these are not too many: int[found, groups]."""
    kinds = part.coupled.added.shape[1]
    at, to = (each.ravel() for each in np.indices((len(base), kinds)))
    one = np.tile(base, (len(at), 1))
    one[np.arange(len(at)), at] = to
    if len(at) ** 2 > 2 * MOST:
        return one
    first, second = np.triu_indices(len(at))
    two = one[first]
    two[np.arange(len(two)), at[second]] = to[second]
    return two


def _distinct(rows: Ints) -> Ints:
    """The rows without those that are equal, told apart by 64 bits of a random sum of each."""
    factors = np.random.default_rng(0).integers(1 << 62, size=rows.shape[1])
    found: Ints = rows[np.sort(np.unique(rows @ factors, return_index=True)[1])]
    return found


def _sums(part: Part, least: Values, kinds: Ints) -> Floats:
    """The sums of what kinds add at least, inf where they are not available or forbidden: float64[found]."""
    found: Floats = least.single[np.arange(kinds.shape[1]), kinds].sum(axis=1)
    added = np.where(part.forbidden, np.inf, part.added)
    for pairs, table in ((part.pairs, added), (part.passing.pairs, least.passed)):
        for (a, b), each in zip(pairs.tolist(), table, strict=True):
            found += each[kinds[:, a], kinds[:, b]]
    return found
