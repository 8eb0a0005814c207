"""Another model's pass beside a network's own: a draft that it checks, a verifier that judges what it writes."""

from collections.abc import Callable
from dataclasses import replace

from costmodel import zoo
from costmodel.record import changed
from costmodel.strategies._decoders import require_draft
from costmodel.workload import Op, Workload
from costmodel.workload.parallel.pipeline import RECEIVED
from costmodel.workload.parallel.tensor import SHARING
from costmodel.workload.several_tokens import several_tokens

DRAFT, VERIFIER = "draft.", "verifier."
PREFIXES = (DRAFT, VERIFIER)
"""Before the names of the other model's ops, whose noise reaches no answer."""

WHY = {DRAFT: "has drafts", VERIFIER: "is judged"}
"""What the other model is for, of the network's own."""


def beside(own: Workload, runs: float, other: Workload, other_runs: float, prefix: str, covers: str) -> Workload:
    """Return the passes of both models as one workload, each executed so often on average."""
    ops = [_renamed(op, prefix, other_runs) for op in other.ops] + [op.times(runs) for op in own.ops]
    return replace(own, ops=tuple(ops), uncounted=own.uncounted + other.uncounted, covers=covers)


def judging(own: Workload, verifier: str, tokens: int, build: Callable[..., Workload] = zoo.build) -> Workload:
    """Return the pass in which a zoo's model, as `build` makes it, reads so many tokens of a decode's sequences."""
    return several_tokens(another(own, verifier, VERIFIER, build), tokens)


def reading(own: Workload, model: str, prefix: str, build: Callable[..., Workload] = zoo.build) -> Workload:
    """Return a prefill whose prompt a zoo's model reads too, once, for a cache of its own."""
    return beside(own, 1.0, another(own, model, prefix, build), 1.0, prefix, f"{own.covers}, read by {model} as well")


def another(own: Workload, model: str, prefix: str, build: Callable[..., Workload]) -> Workload:
    """Return a zoo's model's pass of the same phase, as often as a decode runs for a token that counts.

    ValueError for a second draft or verifier and for a draft after a verifier; others are those of `context` and
    `require_draft`.
    """
    there = next((op.name for op in own.ops if op.name.startswith(PREFIXES if prefix == DRAFT else VERIFIER)), "")
    if there:
        raise ValueError(f"{own.name} {WHY[prefix]} once, drafts before verifiers: {there} is beside it already")
    cached = context(own, WHY[prefix])
    if prefix == DRAFT:
        require_draft(own, model)
    one = build(model, phase=own.phase, batch=own.batch, context=cached)
    return one if own.written == 1 else one.map(lambda op: op.times(own.written))


def context(workload: Workload, why: str) -> int:
    """Cached tokens of a decode's longest own attention, or those that a prefill reads.

    ValueError, which says `why`, where it has none, and for one that GPUs share, where the other model is whole.
    """
    keys = [op.heads.keys if op.heads.batch > 0 else op.n for op in workload.ops if _is_own(op)]
    if workload.phase not in ("prefill", "decode") or not keys:
        raise ValueError(f"only a decode {why}, or the prefill before it, {workload.name} is a {workload.phase} pass")
    shared = next((op.name for op in workload.ops if op.kind in SHARING or op.name == RECEIVED or op.waits > 0), "")
    if shared:
        raise ValueError(f"{workload.name} {why} before GPUs share it, as {shared} says that they do")
    return int(max(keys)) - (workload.phase == "decode")


def _is_own(op: Op) -> bool:
    return bool(op.kind == "attention" and (op.heads.causal or op.heads.batch == 0))


def _renamed(op: Op, prefix: str, runs: float) -> Op:
    inputs = tuple(prefix + name for name in op.inputs)
    shares = op.shares and prefix + op.shares
    return changed(op, name=prefix + op.name, inputs=inputs, count=op.count * runs, shares=shares)
