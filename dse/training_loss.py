"""What a language model trained in a format is predicted to lose, by the published law, as a column of designs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from costmodel.precision import Precision
from costmodel.quality.fp_quantization import trained_loss
from costmodel.workload import Workload
from dse.passes import Pass, is_pruned

PRODUCTS = ("linear", "experts")
HEAD = "lm_head"


def training_loss(done: Pass, precisions: Sequence[Precision], tokens: float) -> NDArray[np.float64]:
    """Return float64[precisions]: the cross-entropy a token after training on so many tokens in each precision.

    Of the whole network, however a pass runs it. The law has one float format for both operands of a product, and its
    source trained dense networks: nan where weights and activations differ, for integers, and where weights are pruned.
    ValueError for what is no language model.
    """
    params = non_embedding_params(done.network)
    losses = [
        float(trained_loss(p.weight, params=params, tokens=float(tokens))) if p.weight == p.activation else np.nan
        for p in precisions
    ]
    return np.array(losses, dtype=np.float64) * (np.nan if is_pruned(done.workload) else 1.0)


def non_embedding_params(workload: Workload) -> float:
    """Weights of a language model's products, those of its head left out; ValueError if it looks up no tokens."""
    if not any(op.kind == "embedding" for op in workload.ops):
        raise ValueError(f"training_loss is of language models, {workload.name} looks up no tokens")
    return float(sum(op.weight_elements for op in workload.ops if op.kind in PRODUCTS and op.name != HEAD))
