"""Evaluate a formula over many rows a cache-sized piece at a time."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from costmodel.record import Real

CHUNK = 4096
"""Rows a piece: the temporaries of a formula over a dozen tiles then stay in a core's cache."""


def in_chunks(formula: Callable[..., Any], inputs: Sequence[Real]) -> Any:
    """Evaluate on inputs that broadcast together; at least one of the first three decides the rank.

    The result keeps leading axes of its own, its last axes are those of the broadcast inputs. Scalars stay scalars.
    """
    shape = np.broadcast_shapes(*(np.shape(x) for x in inputs))
    if not shape:
        return formula(*(np.float64(x) for x in inputs))
    rows = [np.asarray(x, dtype=np.float64) for x in inputs]
    rows = [np.broadcast_to(x, shape).reshape(-1) if x.ndim or i < 3 else x for i, x in enumerate(rows)]
    size = rows[0].size
    pieces = [formula(*(x[i : i + CHUNK] if x.ndim else x for x in rows)) for i in range(0, max(size, 1), CHUNK)]
    joined = np.concatenate(pieces, axis=-1)
    return joined.reshape(*joined.shape[:-1], *shape)
