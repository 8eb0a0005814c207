"""Routed experts of a mixture-of-experts layer: one grouped product."""

from costmodel.record import changed
from costmodel.workload.dequantisation import reading
from costmodel.workload.op import Op
from costmodel.workload.ops._sizes import require_positive


def touched_experts(experts: int, experts_per_token: float, tokens: float) -> float:
    """Expected number of distinct experts that tokens reach under uniform routing: E (1 - (1 - k/E)^tokens)."""
    if not 0 < experts_per_token <= experts:
        raise ValueError(f"experts_per_token must be within 1..experts, got {experts_per_token=}, {experts=}")
    return float(experts * (1.0 - (1.0 - experts_per_token / experts) ** tokens))


def experts(
    name: str,
    tokens: float,
    features_in: int,
    features_out: int,
    *,
    experts: int,
    experts_per_token: float,
    bias: bool = False,
    inputs: tuple[str, ...] = (),
) -> Op:
    """Return one projection of all routed experts: b = experts reached, m = tokens an expert gets, balanced routing.

    All experts are stored; the fraction reached is read. ValueError where a size is not positive.
    """
    require_positive(name, tokens=tokens, experts=experts, features_in=features_in, features_out=features_out)
    reached = touched_experts(experts, experts_per_token, tokens)
    rows = tokens * experts_per_token
    return Op(
        name,
        "experts",
        inputs,
        b=reached,
        m=rows / reached,
        n=features_out,
        k=features_in,
        input_elements=rows * features_in,
        weight_elements=experts * features_in * features_out,
        vector_elements=experts * features_out if bias else 0,
        output_elements=rows * features_out,
        weight_reads=reached / experts,
    )


def rerouted(op: Op, tokens: float, experts_per_token: float) -> Op:
    """Return the product of `experts` on so many tokens that take so many each; its elements stay as they are."""
    stored = round(op.b / op.weight_reads)
    taken = min(experts_per_token, stored)
    reached = touched_experts(stored, taken, tokens)
    return changed(reading(op, reached / stored), b=reached, m=tokens * taken / reached)
