"""A decode pass that computes several tokens of each sequence at once, as the verification of a draft does."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from costmodel.record import changed
from costmodel.workload.dequantisation import DEQUANTISATION, reread
from costmodel.workload.op import Op
from costmodel.workload.ops.attention import kept_fraction
from costmodel.workload.ops.collective import COLLECTIVES
from costmodel.workload.ops.moe import touched_experts
from costmodel.workload.workload import Workload

BY_ELEMENT = ("norm", "elementwise", "activation", "softmax", *COLLECTIVES)
"""Kinds of ops that tokens make larger in their elements alone."""


def several_tokens(workload: Workload, tokens: int) -> Workload:
    """Return the pass that computes `tokens` consecutive tokens of each sequence where `workload` computes one.

    A token attends to those of its own pass that come before it. Weights are read once for all of them; an expert may
    serve several. One token changes nothing. ValueError for a pass that is no decode, or an op of a kind that is not
    known here (a recurrence takes one token after another).
    """
    if tokens < 1:
        raise ValueError(f"tokens must be at least 1, got {tokens}")
    if workload.phase != "decode":
        raise ValueError(f"only a decode computes several tokens at once, {workload.name} is a {workload.phase} pass")
    if tokens == 1:
        return workload
    ops = tuple(_widened(op, tokens, workload.batch) for op in workload.ops)
    ops = reread(workload.ops, ops)
    return replace(workload, ops=ops, covers=f"{tokens} tokens for each in: {workload.covers}")


def _widened(op: Op, tokens: int, batch: int) -> Op:
    if op.kind == DEQUANTISATION:
        return op
    if op.kind not in RULES:
        raise ValueError(f"no rule says what several tokens make of {op.kind} {op.name}")
    return RULES[op.kind](repeated(op, tokens), tokens, batch)


def repeated(op: Op, times: int) -> Op:
    """The op on so many times the elements; what of its product grows depends on its kind.

    ValueError where its vector FLOPs are of its weights, which tokens do not repeat, rather than of its outputs.
    """
    read = op.weight_elements * op.weight_reads
    if op.kind in ("linear", "experts") and op.vector_flops >= read > 0 and op.vector_flops > op.output_elements:
        raise ValueError(f"{op.name} counts arithmetic on its weights: take more tokens before they are dequantised")
    return changed(
        op,
        input_elements=op.input_elements * times,
        output_elements=op.output_elements * times,
        vector_flops=op.vector_flops * times,
    )


def _same(op: Op, tokens: int, batch: int) -> Op:  # noqa: ARG001
    return op


def _linear(op: Op, tokens: int, batch: int) -> Op:  # noqa: ARG001
    return changed(op, m=op.m * tokens)


def _embedding(op: Op, tokens: int, batch: int) -> Op:  # noqa: ARG001
    return changed(op, weight_reads=min(1.0, op.weight_reads * tokens))


def _experts(op: Op, tokens: int, batch: int) -> Op:
    stored, rows = op.b / op.weight_reads, op.b * op.m
    reached = touched_experts(stored, rows / batch, batch * tokens)
    return changed(op, b=reached, m=rows * tokens / reached, weight_reads=reached / stored)


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


RULES: Mapping[str, Callable[[Op, int, int], Op]] = {
    "linear": _linear, "experts": _experts, "embedding": _embedding, "attention": _attention,
    **dict.fromkeys(BY_ELEMENT, _same),
}  # fmt: skip
