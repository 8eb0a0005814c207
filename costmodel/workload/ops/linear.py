"""Fully connected layer: y = x W + b."""

from costmodel.workload.op import Op
from costmodel.workload.ops._sizes import require_positive


def linear(
    name: str,
    tokens: float,
    features_in: float,
    features_out: float,
    *,
    bias: bool = True,
    inputs: tuple[str, ...] = (),
) -> Op:
    """Return a linear layer over `tokens` rows: m = tokens, n = features_out, k = features_in.

    ValueError where one of them is not positive.
    """
    require_positive(name, tokens=tokens, features_in=features_in, features_out=features_out)
    return Op(
        name,
        "linear",
        inputs,
        b=1,
        m=tokens,
        n=features_out,
        k=features_in,
        input_elements=tokens * features_in,
        weight_elements=features_in * features_out,
        vector_elements=features_out if bias else 0,
        output_elements=tokens * features_out,
    )
