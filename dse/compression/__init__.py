"""Repairs of a quantised network, as published: one method a file."""

from dse.compression.adaquant import adaquant
from dse.compression.adaround import adaround
from dse.compression.alone import alone
from dse.compression.batch_norms import reestimate_batch_norms
from dse.compression.bias_correction import correct_biases
from dse.compression.equalization import equalize, fold_batch_norms
from dse.compression.gptq import gptq
from dse.compression.layer_by_layer import quantise
from dse.compression.smoothquant import smooth

__all__ = [
    "adaquant", "adaround", "alone", "correct_biases", "equalize", "fold_batch_norms", "gptq", "quantise",
    "reestimate_batch_norms", "smooth",
]  # fmt: skip
