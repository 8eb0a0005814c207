"""Sparse attention by predicted connectivity: a low-rank look at queries and keys says which keys a query attends to.

Wei et al., Sparsifiner, arXiv 2303.13755, section 3; the shapes are those of lim142857/Sparsifiner,
src/models/sparsifiner.py: queries and keys to c = e / reduce_channels channels a head, keys to N / reduce_tokens rows,
their softmax times a learned basis of N columns, of which ceil(keep N) are attended to; a class token attends to all.
"""

from dataclasses import dataclass, replace
from math import ceil

from costmodel import zoo
from costmodel.claim import Claim
from costmodel.strategies._graph import named, spelled_out
from costmodel.strategies._layers import require_matches
from costmodel.strategies._shown import Shown
from costmodel.workload import Op, Workload
from costmodel.workload.op import Heads
from costmodel.workload.ops import linear
from costmodel.workload.ops.attention import SOFTMAX_FLOPS

JOINED = -1
"""As many class tokens as the network joins to its patches."""


@dataclass(frozen=True)
class SparseAttention(Shown):
    """Attend from each query to the fraction `keep` of the keys, found by a predictor, in layers that a glob matches.

    `basis_density` is the fraction of products of coefficients and basis that are not zero, learned (1: none is); a
    unit on an FPGA runs all of them. The attention is counted as the products of kept pairs: no measured kernel is like
    it, so that its latency is a bound.
    `class_tokens` of each sequence attend to all keys and need no predictor: by default the one that a network of the
    zoo joins to its patches (an op `cls_token`), none without; an imported network's are to be named.
    Causal, windowed and one-query attention stays as it is. ValueError for fractions outside (0, 1], factors below 1
    and a training pass; keep = 1 changes nothing.
    """

    keep: float
    reduce_tokens: int = 8
    reduce_channels: int = 2
    basis_density: float = 1.0
    class_tokens: int = JOINED
    layers: tuple[str, ...] = ("*",)

    def __post_init__(self) -> None:
        if not (0 < self.keep <= 1 and 0 < self.basis_density <= 1):
            raise ValueError(f"keep and basis_density must be in (0, 1], got {self.keep}, {self.basis_density}")
        if min(self.reduce_tokens, self.reduce_channels) < 1:
            raise ValueError(
                f"factors must be at least 1, got reduce_tokens={self.reduce_tokens}, "
                f"reduce_channels={self.reduce_channels}"
            )
        if self.class_tokens < JOINED:
            raise ValueError(f"class_tokens must be at least 0, or {JOINED} for those joined, got {self.class_tokens}")

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload with predictors and sparse attention."""
        if workload.phase == "training":
            raise ValueError(f"attention is made sparse before the training pass is, got that of {workload.name}")
        require_matches(workload, self.layers)
        if self.keep == 1 or not any(map(self.touches, workload.ops)):
            return workload
        joined = sum(op.name.rpartition(".")[2] == "cls_token" for op in workload.ops)
        aside = joined if self.class_tokens == JOINED else self.class_tokens
        ops: list[Op] = []
        for op in spelled_out(workload.ops):
            ops += [*self._predictor(op, aside), self._sparse(op, aside)] if self.touches(op) else [op]
        return replace(workload, ops=tuple(ops))

    def touches(self, op: Op) -> bool:
        """Whether an op is an attention of all tokens to all."""
        full = op.kind == "attention" and op.m == op.n > 1 and op.mask_density == 1 and not op.heads.window
        return bool(full and op.heads.batch) and named(op, self.layers)

    def kept_keys(self, tokens: int, aside: int = 0) -> float:
        """Keys that a query attends to in the mean: ceil(keep N), and all N of the class tokens aside."""
        aside = min(aside, tokens)
        return (aside * tokens + (tokens - aside) * ceil(self.keep * tokens)) / tokens

    def _sparse(self, op: Op, aside: int) -> Op:
        share = self.kept_keys(int(op.n), aside) / op.n
        return replace(
            op, inputs=(*op.inputs, f"{op.name}.basis"), n=op.n * share, vector_flops=op.vector_flops * share,
            heads=Heads(),
        )  # fmt: skip

    def _predictor(self, op: Op, aside: int) -> list[Op]:
        tokens, heads = int(op.m), op.b
        head_dim = op.k - op.output_elements / (op.b * op.m)
        channels, rank = max(1, head_dim // self.reduce_channels), max(1, tokens // self.reduce_tokens)
        rows = heads * tokens
        query, key = (
            linear(f"{op.name}.{name}", rows, head_dim, channels, inputs=op.inputs) for name in ("query", "key")
        )
        fewer = linear(f"{op.name}.tokens", heads * channels, tokens, rank, bias=False, inputs=(key.name,))
        scores = Op(
            f"{op.name}.scores", "matmul", (query.name, fewer.name), b=heads, m=tokens, n=rank, k=channels,
            input_elements=rows * channels + heads * rank * channels, output_elements=rows * rank,
            vector_flops=SOFTMAX_FLOPS * rows * rank,
        )  # fmt: skip
        basis = linear(
            f"{op.name}.basis", heads * max(tokens - aside, 0), rank, tokens, bias=False, inputs=(scores.name,)
        )
        whole = {} if self.basis_density == 1 else {"full_height": basis.n, "full_width": basis.k}
        chosen = replace(basis, k=rank * self.basis_density, vector_flops=basis.output_elements, **whole)
        return [replace(one, count=op.count) for one in (query, key, fewer, scores, chosen)]


def attention_macs(net: Workload) -> float:
    """Products of attention and of its predictors."""
    return float(sum(op.macs for op in net.ops if ".attention" in op.name))


_ABSTRACT = "Wei et al., Sparsifiner, arXiv 2303.13755, abstract"

CLAIMS = (
    Claim("Sparsifiner", "deit-small-attention", "multiply-adds of DeiT-S's attention before it is sparse, M",
          "lim142857/Sparsifiner, src/models/sparsifiner.py, q k^T and attn v evaluated at N = 197, d = 384, 12 layers",
          "analytic", 357.7, lambda: attention_macs(SparseAttention(1.0)(zoo.build("deit_small_patch16_224"))) / 1e6,
          rtol=2e-4, how="evaluated"),
    Claim("Sparsifiner", "attention-low", "FLOPs of attention removed at 0.4 points of accuracy, %, from", _ABSTRACT,
          "training", 48),
    Claim("Sparsifiner", "attention-high", "FLOPs of attention removed at 0.4 points of accuracy, %, to", _ABSTRACT,
          "training", 69),
    Claim("Sparsifiner", "with-token-pruning", "FLOPs of a vision transformer removed with token pruning, %, over",
          _ABSTRACT, "training", 60),
)  # fmt: skip

EXAMPLES = (SparseAttention(0.25), SparseAttention(0.1, reduce_channels=4), SparseAttention(0.1, basis_density=0.2))
IDENTITIES = (SparseAttention(1.0),)
