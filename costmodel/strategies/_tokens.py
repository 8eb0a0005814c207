"""A transformer's pass on fewer tokens from some layers on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain

from costmodel.strategies._graph import readers, renamed, spelled_out
from costmodel.workload import Op, Workload
from costmodel.workload.dequantisation import DEQUANTISATION, on_tokens, reread
from costmodel.workload.ops.attention import kept_fraction
from costmodel.workload.ops.collective import bringing
from costmodel.workload.ops.moe import rerouted
from costmodel.workload.parallel.pipeline import is_stage
from costmodel.workload.training import sources


@dataclass(frozen=True)
class Layer:
    """Indices of a layer's attention, of the residual sum after it, and of what that sum adds the attention to."""

    attention: int
    residual: int
    entry: int


@dataclass(frozen=True)
class Cut:
    """What stands between an op and its readers from now on: `op`, whose result has `tokens` a sequence."""

    op: Op
    tokens: int


@dataclass(frozen=True)
class Stream:
    """A pass whose layers all attend to all `tokens` of its sequences."""

    workload: Workload
    tokens: int
    layers: tuple[Layer, ...]

    def width(self, i: int) -> float:
        """Elements a token of op i's result."""
        return float(self.workload.ops[i].output_elements / (self.workload.batch * self.tokens))

    def shortened(self, cuts: Mapping[int, Cut]) -> Workload:
        """Return the workload with cuts after the ops of these indices: what reads them runs on fewer tokens."""
        ops, left = self.workload.ops, list[int]()
        names: dict[str, str] = {}
        done: list[Op] = []
        for i, (op, reads) in enumerate(zip(ops, sources(ops), strict=True)):
            tokens = min((left[j] for j in reads), default=self.tokens)
            left.append(tokens if self._has_tokens(op) else self.tokens)
            done.append(renamed(self._on(op, tokens), names))
            if i in cuts:
                names[op.name] = cuts[i].op.name
                left[i] = cuts[i].tokens
        made = [
            (op, replace(cuts[i].op, count=op.count)) if i in cuts else (op,) for i, op in enumerate(reread(ops, done))
        ]
        return replace(self.workload, ops=tuple(chain.from_iterable(made)))

    def _has_tokens(self, op: Op) -> bool:
        return not (op.kind == "linear" and op.m != self.workload.batch * self.tokens)

    def _on(self, op: Op, tokens: int) -> Op:
        if tokens == self.tokens or not self._has_tokens(op) or op.kind == DEQUANTISATION:
            return op
        if op.kind == "attention":
            return _attended(op, tokens)
        if op.kind == "experts":
            batch = self.workload.batch
            op = rerouted(op, batch * tokens, op.b * op.m / (batch * self.tokens))
        names = ("input_elements", "kv_elements", "output_elements") + ("m",) * (op.kind == "linear")
        scaled = {name: getattr(op, name) / self.tokens * tokens for name in names}
        return replace(op, vector_flops=on_tokens(op, tokens / self.tokens), **scaled)


def stream(workload: Workload) -> Stream:
    """Return the layers of a pass, its ops' inputs spelled out.

    ValueError for a pass without attention, a decode or training pass, windows of fewer tokens, experts outside of
    memory, and a graph without residual sums.
    """
    workload = replace(workload, ops=spelled_out(workload.ops))
    attentions = [i for i, op in enumerate(workload.ops) if op.kind == "attention"]
    if not attentions or workload.phase in ("training", "decode"):
        passes = {"training": "a training pass", "decode": "a decode, of a token at a time"}
        what = passes.get(workload.phase, "") if attentions else "a network without attention"
        raise ValueError(f"tokens leave a forward pass of a transformer, {workload.name} is {what}")
    if load := bringing(workload.ops):
        raise ValueError(f"{load} brings what its batch misses; let tokens leave before experts leave memory")
    tokens = int(workload.ops[attentions[0]].m)
    for op in (workload.ops[i] for i in attentions):
        windowed = 0 < op.heads.window < tokens
        if not op.m == op.n == op.heads.keys == tokens > 1 or windowed or op.heads.batch != workload.batch:
            has = f"a window of {op.heads.window:g}" if windowed else f"{op.m:g} queries, {op.n:g} keys"
            raise ValueError(f"tokens leave where every layer attends to all {tokens}: {op.name} has {has}")
    reads, ops = sources(workload.ops), workload.ops
    read_by = [[i for i in those if ops[i].kind != DEQUANTISATION] for those in readers(ops)]
    return Stream(workload, tokens, tuple(_layer(workload, reads, read_by, i) for i in attentions))


def by_depth(workload: Workload, name: str) -> Stream:
    """Return the layers of a whole pass, which a strategy of that name counts from the first.

    Errors are those of `stream`; ValueError for a stage of a pipeline.
    """
    if is_stage(workload):
        told = f"counts the layers of {workload.name} from its first, of which a pipeline leaves a stage"
        raise ValueError(f"{name} {told}: put it before")
    return stream(workload)


def also_covers(workload: Workload, told: str) -> Workload:
    """Return the workload that says something more of what it covers."""
    return replace(workload, covers="; ".join(filter(None, (workload.covers, told))))


def _layer(workload: Workload, reads: list[list[int]], read_by: list[list[int]], attention: int) -> Layer:
    at = attention
    while len(read_by[at]) == 1:
        after = read_by[at][0]
        if workload.ops[after].kind == "elementwise" and len(reads[after]) == 2:
            return Layer(attention, after, next(j for j in reads[after] if j != at))
        at = after
    taken = " and ".join(workload.ops[i].name for i in read_by[at]) or "nothing"
    raise ValueError(
        f"tokens leave where one op after another leads from {workload.ops[attention].name} of {workload.name} to a "
        f"residual sum, {workload.ops[at].name} is read by {taken}: let them leave before products are added"
    )


def _attended(op: Op, tokens: int) -> Op:
    """The attention of so many tokens to themselves."""
    mask = kept_fraction(tokens, tokens, causal=True) if op.heads.causal else float(op.mask_density)
    names = ("input_elements", "kv_elements", "output_elements")
    scaled = {name: getattr(op, name) / op.m * tokens for name in names}
    flops = op.vector_flops / (op.n * op.m * op.mask_density) * (tokens * tokens * mask)
    heads = replace(op.heads, keys=tokens)
    return replace(op, m=tokens, n=tokens, mask_density=mask, vector_flops=flops, heads=heads, **scaled)
