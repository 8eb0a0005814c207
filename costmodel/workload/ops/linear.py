"""Fully connected layer: y = x W + b."""

from costmodel.workload.op import Op


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
    if not (tokens > 0 and features_in > 0 and features_out > 0):
        raise ValueError(f"{name}: sizes must be positive, got {tokens=}, {features_in=}, {features_out=}")
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
