"""A decode pass that computes several tokens of each sequence at once, as the verification of a draft does."""

from dataclasses import replace

from costmodel.record import changed
from costmodel.workload.op import Op
from costmodel.workload.ops.attention import kept_fraction
from costmodel.workload.wider_decode import wider_decode
from costmodel.workload.workload import Workload


def several_tokens(workload: Workload, tokens: int) -> Workload:
    """Return the pass that computes `tokens` consecutive tokens of each sequence where `workload` computes one.

    A token attends to those of its own pass that come before it. One token changes nothing. Errors are those of
    `wider_decode`.
    """
    ops = wider_decode(workload, tokens, _attention, what="tokens")
    return (
        workload
        if tokens == 1
        else replace(workload, ops=ops, covers=f"{tokens} tokens for each in: {workload.covers}")
    )


def _attention(op: Op, tokens: int, batch: int) -> Op:  # noqa: ARG001
    """The last `tokens` queries of as many more keys, where the keys are those of the pass's own sequence."""
    if op.m != 1:
        raise ValueError(f"{op.name} has {op.m} queries a sequence, a decode has one")
    known = op.heads.batch > 0
    own, window = op.heads.causal or not known, int(op.heads.window)
    keys = int(op.heads.keys if known else op.n) + (tokens - 1 if own else 0)
    reach = min(keys, window + tokens - 1) if window else keys
    kept = kept_fraction(tokens, reach, causal=True, window=window) if own else 1.0
    return changed(
        op,
        m=tokens,
        n=reach,
        kv_elements=op.kv_elements * reach / op.n,
        mask_density=kept,
        vector_flops=op.vector_flops * (reach * kept) / (op.n * op.mask_density),
        heads=changed(op.heads, keys=keys if known else op.heads.keys),
    )
