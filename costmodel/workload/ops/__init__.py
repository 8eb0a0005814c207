"""Constructors of ops from the shapes a framework gives: one kind of operation a file."""

from costmodel.workload.ops.activation import activation
from costmodel.workload.ops.attention import attention, latent_attention
from costmodel.workload.ops.collective import COLLECTIVES, collective
from costmodel.workload.ops.conv import conv
from costmodel.workload.ops.elementwise import elementwise
from costmodel.workload.ops.embedding import embedding
from costmodel.workload.ops.linear import linear
from costmodel.workload.ops.moe import experts
from costmodel.workload.ops.norm import norm
from costmodel.workload.ops.pooling import pooling
from costmodel.workload.ops.recurrent import recurrence, recurrent_input, recurrent_projection
from costmodel.workload.ops.scan import delta_rule, linear_attention, selective_scan
from costmodel.workload.ops.softmax import softmax

__all__ = [
    "COLLECTIVES", "activation", "attention", "collective", "conv", "delta_rule", "elementwise", "embedding", "experts",
    "latent_attention", "linear",
    "linear_attention", "norm", "pooling", "recurrence", "recurrent_input", "recurrent_projection",
    "selective_scan", "softmax",
]  # fmt: skip
