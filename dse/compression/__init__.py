"""Repairs of a quantised network, as published: one method a file."""

from dse.compression.alone import alone
from dse.compression.batch_norms import reestimate_batch_norms
from dse.compression.bias_correction import correct_biases
from dse.compression.gptq import gptq
from dse.compression.layer_by_layer import quantise

__all__ = ["alone", "correct_biases", "gptq", "quantise", "reestimate_batch_norms"]
