"""What compression does to a trained network, as published: repairs of a quantised one, sparsity; one method a file."""

from dse.compression.adaquant import adaquant
from dse.compression.adaround import adaround
from dse.compression.alone import alone
from dse.compression.batch_norms import reestimate_batch_norms
from dse.compression.bias_correction import correct_biases
from dse.compression.connectivity import predict_connectivity
from dse.compression.decaying_mask import nm_mask, train_decaying
from dse.compression.equalization import equalize, fold_batch_norms
from dse.compression.filters import SCORES, filter_scores, zeros
from dse.compression.fine_tune import fine_tune
from dse.compression.firing import fire_together, norms_of
from dse.compression.gptq import gptq
from dse.compression.layer_by_layer import quantise
from dse.compression.smoothquant import smooth
from dse.compression.tokens import with_fewer_tokens

__all__ = [
    "SCORES",
    "adaquant", "adaround", "alone", "correct_biases", "equalize", "filter_scores", "fine_tune", "fire_together",
    "fold_batch_norms", "gptq", "nm_mask", "norms_of", "predict_connectivity", "quantise", "reestimate_batch_norms",
    "smooth", "train_decaying", "with_fewer_tokens", "zeros",
]  # fmt: skip
