"""Tensor parallelism: each layer's weights and heads divided among GPUs.

Shoeybi et al., Megatron-LM, arXiv 1909.08053, section 3: a product that reads a whole tensor is split by columns and
leaves a split one, on which heads and pointwise ops run apart; a product that reads a split tensor is split by rows and
its results are added among the GPUs. Norms and residual sums run whole on each. Tables are split by vocabulary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil

from costmodel.workload.dequantisation import DEQUANTISATION
from costmodel.workload.op import Op
from costmodel.workload.ops import collective
from costmodel.workload.ops.embedding import looks_up_positions
from costmodel.workload.parallel.divide import divided, require_degree
from costmodel.workload.parallel.ways import addends, ways
from costmodel.workload.training import sources
from costmodel.workload.workload import Workload

DIVIDED = {
    "columns": (
        "n",
        "weight_elements",
        "vector_elements",
        "output_elements",
        "vector_flops",
        "weight_flops",
        "fetched_elements",
    ),
    "rows": ("k", "weight_elements", "input_elements", "vector_flops", "weight_flops", "fetched_elements"),
    "partial": ("k", "weight_elements", "input_elements", "vector_flops", "weight_flops", "fetched_elements"),
    "apart": ("input_elements", "output_elements", "vector_flops"),
    "vocabulary": ("weight_elements",),
    "loads": ("input_elements", "output_elements"),
    "makes columns": ("vector_flops", "weight_elements"),
    "makes rows": ("vector_flops", "weight_elements"),
    "makes partial": ("vector_flops", "weight_elements"),
    "makes heads": ("vector_flops", "weight_elements", "vector_elements"),
}
"""What each way to split an op divides; "makes" are dequantisations of a layer that is split so, "partial" rows whose
sums are added to those of the product that reads them."""

SHARING = ("all_reduce", "all_gather")
"""Kinds of ops by which GPUs share each layer."""


def tensor_parallel(workload: Workload, degree: int) -> Workload:
    """Return what one of `degree` GPUs runs of a transformer's pass, with the exchanges that it needs.

    Key heads that are fewer than the GPUs are cached by several of them, though their projection is counted as divided;
    routed experts are divided in width. A dequantisation is split as its layer's weights are, its codebooks are whole
    on each; scales of summed rows are applied by each GPU to its part of the sum. A vocabulary is padded to whole
    parts. ValueError where the degree does not divide heads or another width, for a training pass (split the forward,
    then train it), or for a network without attention.
    """
    require_degree("tensor", degree)
    if degree == 1:
        return workload
    _require_whole(workload)
    split, added = ways(workload.ops), addends(workload.ops)
    ends, words = _ends(workload), _heads(workload)
    ops: list[Op] = []
    renamed: dict[str, str] = {}
    for i, op in enumerate(workload.ops):
        part = _rewired(_part(op, split.get(i, ""), degree, words), renamed)
        if i in added and i in split:
            part = _adding(op, part, split[i], degree, apart=split.get(added[i], "") == "columns")
        exchange = _exchange(op, split.get(i, ""), _readers(i, workload.ops), degree, ends)
        ops += [part, *exchange]
        if exchange:
            renamed[op.name] = exchange[-1].name
    outputs = tuple(renamed.get(name, name) for name in workload.outputs)
    covers = f"{workload.covers}, on one of {degree} GPUs that share each layer" if workload.covers else ""
    return replace(workload, ops=tuple(ops), outputs=outputs, covers=covers)


def _require_whole(workload: Workload) -> None:
    """ValueError for a pass that cannot be split, or is already."""
    shared = next((op.name for op in workload.ops if op.kind in SHARING), "")
    if shared:
        raise ValueError(
            f"{workload.name} is shared between GPUs already, as {shared} says: share it once, by more GPUs"
        )
    if workload.phase == "training":
        raise ValueError(f"tensor parallelism splits a forward pass; make {workload.name}'s training pass of the split")
    if not any(op.kind == "attention" for op in workload.ops):
        raise ValueError(f"tensor parallelism needs attention to split by heads, {workload.name} has none")
    merges = [op.name for op in workload.ops if op.kind == "matmul" and op.name.endswith(".merge")]
    if merges:
        raise ValueError(f"{merges[0]} compares keys of all heads; split {workload.name} before its tokens merge")


def _ends(workload: Workload) -> set[str]:
    """Ops whose results leave the network, and those of a model beside it, which no op reads."""
    read = {j for reads in sources(workload.ops) for j in reads}
    unread = {op.name for i, op in enumerate(workload.ops) if i not in read and op.kind != DEQUANTISATION}
    return unread | set(workload.outputs or (workload.ops[-1].name,))


def _heads(workload: Workload) -> set[str]:
    """Ops that make a score for each token of a vocabulary, as its table has rows or as share them."""
    tables = [op for op in workload.ops if op.kind == "embedding" and not looks_up_positions(op)]
    rows = {op.weight_elements / op.row_elements for op in tables if op.row_elements and op.weight_elements}
    return {op.name for op in workload.ops if op.n in rows} | {op.shares for op in tables}


def _part(op: Op, how: str, degree: int, words: set[str]) -> Op:
    """The op as one GPU runs it; `words` make a score for each token of a vocabulary."""
    if how == "columns" and op.name in words:
        return divided(op, op.n / ceil(op.n / degree), *DIVIDED[how])  # a vocabulary is padded
    if how == "columns":
        _require_divides(op, "n", degree)
    if how in ("rows", "partial"):
        _require_divides(op, "k", degree)
    if how == "heads":
        return _attention(op, degree) if op.kind == "attention" else _per_head(op, degree)
    return divided(op, degree, *DIVIDED.get(how, ()))


def _adding(op: Op, part: Op, how: str, degree: int, *, apart: bool) -> Op:
    """The part of a product that adds another's result: its own columns of it, or before the rows' sum all of it."""
    result, others = op.output_elements, op.input_elements - op.output_elements
    own = result / degree if apart or how == "columns" else result
    read = others if how == "columns" else others / degree
    return replace(part, input_elements=read + own, vector_flops=(op.vector_flops - result) / degree + own)


def _per_head(op: Op, degree: int) -> Op:
    _require_divides(op, "b", degree)
    return divided(
        op, degree, "b", "weight_elements", "input_elements", "output_elements", "vector_flops", "weight_flops"
    )


def _attention(op: Op, degree: int) -> Op:
    heads = op.b / (op.heads.batch or 1.0)
    kv_heads = op.heads.kv_heads
    if heads % degree:
        raise ValueError(f"tensor parallelism: {degree} GPUs do not divide the {heads:.0f} heads of {op.name}")
    if kv_heads and kv_heads % degree and degree % kv_heads:
        told = f"{degree} GPUs do not divide the {kv_heads:.0f} key heads of {op.name}, nor they the GPUs"
        raise ValueError(f"tensor parallelism: {told}")
    kept = max(kv_heads / degree, 1.0) if kv_heads else 0.0
    share = kept / kv_heads if kv_heads else 1.0  # a latent cache serves every head
    part = divided(op, degree, "b", "output_elements", "vector_flops")
    own = op.output_elements  # queries are as many as outputs; the rest of the input is keys and values
    inputs = own / degree + max(op.input_elements - own, 0.0) * share
    return replace(
        part, input_elements=inputs, kv_elements=op.kv_elements * share, heads=replace(op.heads, kv_heads=kept)
    )


def _exchange(op: Op, how: str, readers: Sequence[Op], degree: int, ends: set[str]) -> list[Op]:
    """What GPUs exchange after each run of an op: sums of rows, also of a split table's; whole results that leave."""
    if how in ("rows", "vocabulary"):
        kind, elements = "all_reduce", min(op.output_elements, *(r.output_elements for r in (op, *readers)))
    elif how and op.name in ends:
        kind, elements = "all_gather", op.output_elements
    else:
        return []
    exchange = collective(f"{op.name}.{kind}", kind, elements, degree, inputs=(op.name,))
    return [exchange.times(op.count)]


def _readers(i: int, ops: tuple[Op, ...]) -> list[Op]:
    """The ops just after an op that name it; a mixture's experts are summed by one of them."""
    return [op for op in ops[i + 1 : i + 3] if ops[i].name in op.inputs] if ops[i].kind == "experts" else []


def _require_divides(op: Op, axis: str, degree: int) -> None:
    if getattr(op, axis) % degree:
        what = {"n": "outputs", "k": "inputs", "b": "heads"}[axis]
        raise ValueError(
            f"tensor parallelism: {degree} GPUs do not divide the {getattr(op, axis):.0f} {what} of {op.name}"
        )


def _rewired(op: Op, renamed: Mapping[str, str]) -> Op:
    """The op reading what was exchanged instead of the parts; an op without inputs reads the one before it."""
    if not any(name in renamed for name in op.inputs):
        return op
    inputs, detached = (tuple(renamed.get(name, name) for name in names) for names in (op.inputs, op.detached))
    return replace(op, inputs=inputs, detached=detached)
