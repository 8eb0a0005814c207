"""What formats of a whole network cost in quality without data: the noise of its layers and of its caches, added."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from costmodel.precision import Precision
from costmodel.strategies._before import FACTORS
from costmodel.strategies._beside import PREFIXES
from costmodel.strategies.nm_sparsity import NMSparsity
from costmodel.workload import Op, Workload
from costmodel.workload.dequantisation import DEQUANTISATION
from costmodel.workload.ops import linear
from dse.sensitivity.data_free import POINTS, noise_to_signal, sqnr_loss

Floats = NDArray[np.float64]

Kept = tuple[int, int]
"""n of every m weights; (1, 1) is all."""

CACHE = (0, 0)
"""In the place of a share of weights: the keys and values that an attention finds cached."""

LAYER = linear("layer", 1, 1, 1)
"""Without data layers of one kind are as noisy as each other."""


def noise_of(op: Op) -> Kept | None:
    """Return the share of weights kept by a layer whose noise reaches the answer, CACHE of a cache's reader, else None.

    Not that of drafts and verifiers, nor of factors that make up for a layer's own.
    """
    aside = op.kind == DEQUANTISATION or op.name.endswith(FACTORS) or op.name.startswith(PREFIXES)
    if aside or not (op.weight_elements > 0 or op.kv_elements > 0):
        return None
    return kept_share(op) if op.weight_elements > 0 else CACHE


def kept_share(op: Op) -> Kept:
    """How many of how many weights are not zero; without a structure of 4096, the sample of the loss proxy."""
    if op.weight_density >= 1:
        return 1, 1
    block = int(op.weight_block) or POINTS
    return max(1, round(float(op.weight_density) * block)), block


class Noise(dict[Kept, Floats]):
    """The proxy of one layer with weights by the share kept, or of a cache: float64[precisions], found when read."""

    def __init__(self, precisions: tuple[Precision, ...]) -> None:
        super().__init__()
        self.precisions = precisions

    def __missing__(self, kept: Kept) -> Floats:
        if kept == CACHE:
            self[kept] = np.array([noise_to_signal(p.kv_cache) for p in self.precisions])
        else:
            pruned = [NMSparsity(*kept) if kept != (1, 1) else None] * len(self.precisions)
            self[kept] = sqnr_loss([LAYER], self.precisions, sparsity=pruned)[0]
        return self[kept]


def loss_of(workload: Workload, precisions: Sequence[Precision]) -> float:
    """The data-free proxy of a workload whose ops are at these precisions: every layer's noise added, as in a sweep."""
    found = zip(map(noise_of, workload.ops), precisions, strict=True)
    distinct = Counter((kept, chosen) for kept, chosen in found if kept is not None)
    return float(sum(count * Noise((chosen,))[kept][0] for (kept, chosen), count in distinct.items()))


def per_op(
    workload: Workload, precisions: tuple[Precision, ...], sparsity: Sequence[NMSparsity | None] = ()
) -> NDArray[np.float64]:
    """Return float64[ops, precisions]: what each op adds to `loss_of`, pruned at each precision as `sparsity` says."""
    found, known = np.zeros((len(workload.ops), len(precisions))), Noise(precisions)
    given = tuple(sparsity) or (None,) * len(precisions)
    for strategy in dict.fromkeys(given):
        at = [option for option, other in enumerate(given) if other == strategy]
        for i, op in enumerate(workload.ops):
            kept = noise_of(strategy.prune(op) if strategy and strategy.touches(op) else op)
            if kept is not None:
                found[i, at] = known[kept][at]
    return found
