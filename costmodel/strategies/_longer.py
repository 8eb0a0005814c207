"""A pass on longer sequences: its tensors and caches grow, its weights are read as often."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isclose

from costmodel.record import Real, changed
from costmodel.strategies._tokens import also_covers
from costmodel.workload import Op, Workload
from costmodel.workload.dequantisation import DEQUANTISATION, on_tokens, reread
from costmodel.workload.op import Window
from costmodel.workload.ops.attention import kept_fraction
from costmodel.workload.ops.collective import COLLECTIVES, bringing
from costmodel.workload.ops.embedding import looks_up_positions
from costmodel.workload.ops.moe import rerouted
from costmodel.workload.rerun import RERUN
from costmodel.workload.training import retrained, sources

PRODUCTS = ("linear", "conv")
"""Kinds of ops whose rows are tokens of all sequences, or one a sequence where something summed them up before."""


def longer(workload: Workload, factor: float) -> Workload:
    """Return the pass on sequences `factor` times as long, in whole tokens; of a decode the caches alone are longer.

    ValueError for a network that reads no text or speech, more positions than its table has, experts outside of memory,
    an op of a kind that is not known here, and a training pass that was edited.
    """
    if workload.phase == "training":
        return retrained(workload, lambda forward: longer(forward, factor))
    if workload.phase == "forward" and not any(op.kind == "embedding" for op in workload.ops):
        raise ValueError(f"padding is of sequences of tokens, of which {workload.name} looks up none")
    if load := bringing(workload.ops):
        raise ValueError(f"{load} brings what its batch misses; make sequences longer before experts leave memory")
    if workload.phase == "decode":
        edited = workload.map(lambda op: _attended(op, op.m, factor), lambda op: op.kind == "attention")
    else:
        edited = replace(workload, ops=reread(workload.ops, _grown(workload, factor)))
    _require_positions(edited)
    return also_covers(edited, f"padded to {factor:.4g} times the mean length")


def _require_positions(longer: Workload) -> None:
    """ValueError where a sequence has more positions than a table has rows, that of an encoder beside a decode too."""
    cached = max((int(op.heads.keys) for op in longer.ops if op.kind == "attention" and op.heads.causal), default=0)
    for op in filter(looks_up_positions, longer.ops):
        looked_up = float(op.output_elements / op.row_elements)
        rows = round(op.weight_elements / op.row_elements)
        needed = cached if longer.phase == "decode" else round(looked_up)
        if needed > rows:
            told = f"has {rows} positions, and the longest sequence of a batch has {needed}"
            raise ValueError(f"{op.name} of {longer.name} {told}: pad a shorter context")
    read = max((int(op.heads.keys) for op in longer.ops if op.kind == "attention" and not op.heads.causal), default=0)
    if longer.heard and read > longer.heard:
        told = f"has {longer.heard} positions, and the longest sequence of a batch has {read}"
        raise ValueError(f"the encoder of {longer.name} {told}: its speech is padded to them already")


def _grown(workload: Workload, factor: float) -> tuple[Op, ...]:
    """Each op on as many more tokens as what it reads has: none where its rows are one a sequence."""
    grew, tokens = list[float](), float(workload.batch)
    ops = []
    for op, reads in zip(workload.ops, sources(workload.ops), strict=True):
        read = max((grew[i] for i in reads), default=factor)
        more = _more(op, workload.batch, read, factor)
        tokens = float(op.m) if op.kind == "linear" else tokens
        grew.append(1.0 if _is_mean(op) else more)
        ops.append(_on_more(op, workload.batch, more, tokens, factor))
    return tuple(ops)


def _more(op: Op, batch: int, read: float, factor: float) -> float:
    """How many times as many tokens an op has: whole ones where an op's own number of them can be told."""
    if op.kind in PRODUCTS:
        return 1.0 if op.m <= batch else _whole(op.m / batch, factor)
    if op.kind == "attention":
        return read if op.heads.batch > batch else _whole(op.m, factor)
    if op.kind == "embedding" and op.row_elements:
        looked_up = op.output_elements / op.row_elements
        return _whole(looked_up if looks_up_positions(op) else looked_up / batch, factor)
    return read


def _whole(tokens: float, factor: float) -> float:
    return round(tokens * factor) / tokens


def _is_mean(op: Op) -> bool:
    """Whether an op leaves one value of all tokens."""
    return op.kind == "pooling" and op.window == Window()


def _on_more(op: Op, batch: int, more: float, tokens: float, factor: float) -> Op:
    """The op on so many times its tokens, of which a pass has `tokens` before."""
    if op.kind == DEQUANTISATION or more == 1:
        return op
    if op.kind == "attention" and op.heads.batch <= batch:
        return _attended(op, round(op.m * more), factor)
    if op.kind == "experts":
        return rerouted(_elements(op, more), tokens * more, op.b * op.m / tokens)
    if op.kind not in RULES:
        raise ValueError(f"no rule says what longer sequences make of {op.kind} {op.name}: pad before it is there")
    return RULES[op.kind](op, more)


def _elements(op: Op, more: float) -> Op:
    return changed(
        op,
        input_elements=_counted(op.input_elements * more),
        kv_elements=_counted(op.kv_elements * more),
        output_elements=_counted(op.output_elements * more),
        vector_flops=_counted(on_tokens(op, more)),
    )


def _counted(elements: Real) -> float:
    """A whole number of elements without the noise of a product."""
    whole = float(round(elements))
    return whole if isclose(elements, whole, rel_tol=1e-12) else float(elements)


def _rows(op: Op, more: float) -> Op:
    return changed(_elements(op, more), m=round(op.m * more))


def _windows(op: Op, more: float) -> Op:
    """Attention within windows of an image, which are more."""
    return changed(_elements(op, more), b=op.b * more, heads=changed(op.heads, batch=op.heads.batch * more))


def _looked_up(op: Op, more: float) -> Op:
    return changed(_elements(op, more), weight_reads=min(1.0, op.weight_reads * more))


def _pooled(op: Op, more: float) -> Op:
    grown = _elements(op, more)
    return changed(grown, output_elements=op.output_elements) if _is_mean(op) else grown


def _steps(op: Op, more: float) -> Op:
    return changed(op, count=op.count * more)


def _scores(op: Op, more: float) -> Op:
    """Scores of tokens by distances, which are about twice as many."""
    if op.n < op.m or op.output_elements != op.b * op.m * op.n:
        raise ValueError(f"{op.name} compares some of the tokens: pad before it is there")
    n = round(op.n * more)
    grown = _elements(op, more)
    return changed(grown, m=round(op.m * more), n=n, output_elements=grown.output_elements * n / op.n)


RULES: Mapping[str, Callable[[Op, float], Op]] = {
    **dict.fromkeys(("norm", "elementwise", "activation", "softmax", "scan", RERUN, *COLLECTIVES), _elements),
    **dict.fromkeys(PRODUCTS, _rows),
    "attention": _windows, "embedding": _looked_up, "pooling": _pooled, "recurrence": _steps, "matmul": _scores,
}  # fmt: skip


def _attended(op: Op, queries: int, factor: float) -> Op:
    """So many queries of each sequence to keys `factor` times as many: those of its own pass are as its queries."""
    known, window = op.heads.batch > 0, int(op.heads.window)
    causal = bool(op.heads.causal or (not known and op.mask_density < 1))
    own = causal or not known
    cached = int(op.heads.keys if known else op.n) - int(op.m) * own
    keys = round(cached * factor) + queries * own
    reach = min(keys, window + queries - 1) if window else keys
    kept = _kept(queries, reach, causal, window) / _kept(int(op.m), int(op.n), causal, window)
    more = queries / op.m
    return changed(
        op,
        m=queries,
        n=reach,
        input_elements=_counted(op.input_elements * more),
        kv_elements=_counted(op.kv_elements * reach / op.n),
        output_elements=_counted(op.output_elements * more),
        mask_density=op.mask_density * kept,
        vector_flops=op.vector_flops * more * reach / op.n * kept,
        heads=changed(op.heads, keys=keys if known else op.heads.keys),
    )


def _kept(queries: int, keys: int, causal: bool, window: int) -> float:
    return kept_fraction(queries, keys, causal=causal, window=window) if causal or window else 1.0
