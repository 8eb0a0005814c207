"""The names that configurations give to activation functions."""

ACTIVATIONS = {
    "silu": "silu", "swish": "silu", "relu": "relu", "relu2": "relu2", "sigmoid": "sigmoid", "tanh": "tanh",
    "mish": "mish", "gelu": "gelu", "gelu_new": "gelu", "gelu_fast": "gelu", "gelu_python": "gelu",
    "gelu_pytorch_tanh": "gelu", "gelu_accurate": "gelu", "quick_gelu": "quick_gelu",
}  # fmt: skip
"""transformers' name -> ops.activation's: GELU's approximations by tanh are counted as GELU."""
