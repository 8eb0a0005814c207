"""What a plan costs in quality: the losses of its layers, added.

Hubara et al., Improving Post Training Neural Quantization (AdaQuant), arXiv 2006.10518: the degradation of
a network is taken as the sum of those of its layers, each measured or predicted alone. `dse.sensitivity` measures them
and how far they add up.
"""

import numpy as np
from numpy.typing import ArrayLike

from costmodel.record import Real


def added(losses: ArrayLike, choice: ArrayLike) -> Real:
    """Sum the losses of chosen options: float[layers, options] and int[..., layers] to float[...].

    ValueError where a choice is not among the options or does not name one a layer.
    """
    table, chosen = np.asarray(losses, dtype=np.float64), np.asarray(choice)
    if table.ndim != 2 or chosen.shape[-1:] != table.shape[:1]:
        raise ValueError(f"losses [layers, options] need one choice a layer, got {table.shape} and {chosen.shape}")
    if chosen.size and not (chosen.min() >= 0 and chosen.max() < table.shape[1]):
        raise ValueError(f"choices must be within 0..{table.shape[1] - 1}, got {chosen.min()}..{chosen.max()}")
    return table[np.arange(len(table)), chosen].sum(axis=-1)[()]


def perplexity(loss: Real, loss_added: Real = 0.0) -> Real:
    """Perplexity of a language model whose cross-entropy a token, in nats, is `loss` and what a plan adds to it."""
    return np.exp(np.asarray(loss) + loss_added)[()]
