"""A feasible plan near given counts, quickly: repair what breaks a budget, then take what improves the loss.

Greedy exchange after rounding, as in Toyoda, A Simplified Algorithm for Obtaining Approximate Solutions to Zero-One
Programming Problems, Management Science 21(12), 1975, doi 10.1287/mnsc.21.12.1417: by loss per relief of scarce room.
"""

import numpy as np
from numpy.typing import NDArray

from dse.solvers.instance import Counts, Instance

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_STEPS = 500
_AT_ONCE, _MANY = 4000, 40_000
"""Moves in all for each that is made before the others are looked at anew, and of how many on those are more again."""


def feasible_near(instance: Instance, counts: Counts, multipliers: Floats) -> Counts | None:
    """Return counts that keep every budget, moving one layer at a time from the given ones; None if it gets stuck."""
    found = counts.copy()
    scale = 1.0 / np.maximum(instance.limits, 1)
    for _ in range(_STEPS):
        rows, room = np.argwhere(found > 0), instance.limits - instance.spent(found)
        loss, costs = moves(instance, rows)
        gain = gains(loss, costs, room, scale, multipliers)
        chosen = _best(gain)
        if not len(chosen):
            break
        over, touched = room < 0, set[int]()
        for row, option in chosen.tolist():
            helps = bool((costs[over, row, option] < 0).any()) if over.any() else True
            if row in touched or not helps or (touched and (costs[:, row, option] > room)[~over].any()):
                continue
            found[rows[row, 0], rows[row, 1]] -= 1
            found[rows[row, 0], option] += 1
            touched.add(row)
            room = room - costs[:, row, option]
            if over.any() != (room < 0).any():
                break
    return found if instance.feasible(found) else None


def _best(gain: Floats) -> Ints:
    """(row, option) of the moves worth most, the best first: one, or of a large problem a part of them."""
    flat = gain.ravel()
    most = max(1, flat.size // _AT_ONCE * max(1, flat.size // _MANY))
    chosen = np.array([int(flat.argmax())]) if most == 1 else np.argpartition(-flat, most)[:most]
    chosen = chosen[np.argsort(-flat[chosen], kind="stable")]
    return np.stack(np.divmod(chosen[flat[chosen] > -np.inf], gain.shape[1]), axis=1)


def gains(loss: Floats, costs: Ints, room: Ints, scale: Floats, multipliers: Floats) -> Floats:
    """What each move is worth, -inf where it is none: loss saved, or while a budget is broken, relief by its price.

    loss float[rows, options] and costs int[budgets, rows, options] are what a move adds, loss inf where it is barred.
    """
    if (room >= 0).all():
        allowed = (loss < 0) & (costs <= room[:, None, None]).all(axis=0)
        return np.where(allowed, -loss, -np.inf)
    over = np.maximum(-room, 0)[:, None, None]
    after = np.maximum(costs - room[:, None, None], 0)
    relief = np.tensordot(scale, (over - after).astype(np.float64), axes=1)
    price = loss + np.tensordot(multipliers, costs.astype(np.float64), axes=1)
    floor = 1e-9 * (1.0 + np.abs(price[np.isfinite(price)]).max(initial=0.0))
    return np.where(np.isfinite(loss) & (relief > 0), relief / np.maximum(price, floor), -np.inf)


def moves(instance: Instance, rows: Ints) -> tuple[Floats, Ints]:
    """What moving a layer of (class, option) rows to each option adds to loss [rows, options] (inf = barred), costs."""
    group, option = rows.T
    loss = (instance.loss[group] - instance.loss[group, option][:, None]).astype(np.float64)
    costs = instance.costs[:, group] - instance.costs[:, group, option][:, :, None]
    return np.where(instance.available[group], loss, np.inf), costs
