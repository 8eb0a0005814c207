"""A feasible plan of coupled layers near a given one: repair what breaks a budget, then take what improves the loss.

The exchange of `rounding`, with what a change adds to the pairs on either side.
"""

import math

import numpy as np

from dse.interrupts import late
from dse.solvers.coupling import Coupled
from dse.solvers.part import Bools, Floats, Ints
from dse.solvers.rounding import gains

_STEPS = 200


def feasible_near(
    coupled: Coupled, choice: Ints, multipliers: Floats, available: Bools, deadline: float = math.inf
) -> Ints | None:
    """Return a choice that keeps every budget, changing one group at a time; None if it gets stuck or is late."""
    found, instance = choice.copy(), coupled.instance
    scale = 1.0 / np.maximum(instance.limits, 1)
    rows = np.arange(len(found))
    for _ in range(_STEPS):
        alone, costs, barred = coupled.beside(found)
        loss = np.where(available & ~barred, alone - alone[rows, found][:, None], np.inf)
        costs -= costs[:, rows, found][:, :, None]
        room = instance.limits - coupled.spent(found)
        gain = gains(loss, costs, room, scale, multipliers)
        group, option = np.unravel_index(int(np.argmax(gain)), gain.shape)
        if gain[group, option] == -np.inf or late(deadline):
            break
        found[group] = option
    return found if coupled.allows(found) else None
