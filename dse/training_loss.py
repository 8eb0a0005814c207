"""What a language model trained in a format is predicted to lose, by the published law, as a column of designs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from costmodel.precision import Precision
from costmodel.quality.fp_quantization import trained_loss
from costmodel.workload import Workload

PRODUCTS = ("linear", "experts")
HEAD = "lm_head"


def training_loss(workload: Workload, precisions: Sequence[Precision], tokens: float) -> NDArray[np.float64]:
    """Return float64[precisions]: the cross-entropy a token after training on so many tokens in each precision.

    The law has one float format for both operands of a product: nan where weights and activations differ, and for
    integers. ValueError for what is no language model.
    """
    params = non_embedding_params(workload)
    losses = [
        float(trained_loss(p.weight, params=params, tokens=float(tokens))) if p.weight == p.activation else np.nan
        for p in precisions
    ]
    return np.array(losses, dtype=np.float64)


def non_embedding_params(workload: Workload) -> float:
    """Weights of a language model's products, those of its head left out, those that a strategy prunes included.

    ValueError for a network that looks up no tokens.
    """
    if not any(op.kind == "embedding" for op in workload.ops):
        raise ValueError(f"training_loss is of language models, {workload.name} looks up no tokens")
    return float(sum(op.weight_elements for op in workload.ops if op.kind in PRODUCTS and op.name != HEAD))
