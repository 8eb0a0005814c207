"""Pointwise nonlinearities."""

from costmodel.workload.op import Op
from costmodel.workload.ops._sizes import require_counts

FLOPS = {
    "relu": 1, "relu6": 2, "hardtanh": 2, "leaky_relu": 2, "prelu": 2, "sigmoid": 4, "hardsigmoid": 4, "tanh": 6,
    "elu": 3, "silu": 5, "hardswish": 5, "gelu": 8, "quick_gelu": 6, "softplus": 3, "mish": 9, "relu2": 2,
}  # fmt: skip
"""Vector FLOPs an element, an exponential counted as one."""

BY_RESULT = ("relu", "sigmoid", "tanh")
"""Functions whose derivative follows from their value, which torch keeps instead of what they read."""


def activation(name: str, elements: float, *, function: str, inputs: tuple[str, ...] = ()) -> Op:
    """Return a pointwise nonlinearity over `elements` values; `function` is a key of FLOPS."""
    if function not in FLOPS:
        raise ValueError(f"function must be one of {', '.join(sorted(FLOPS))}, got {function!r}")
    require_counts(name, elements=elements)
    return Op(
        name,
        "activation",
        inputs,
        input_elements=elements,
        output_elements=elements,
        vector_flops=FLOPS[function] * elements,
        keeps_inputs=function not in BY_RESULT,
        keeps_output=function in BY_RESULT,
    )
