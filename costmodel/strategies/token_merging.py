"""Token merging: between a layer's attention and its feed-forward part the r most similar pairs of tokens become one.

Bolya et al., Token Merging: Your ViT But Faster, arXiv 2210.09461, section 3; the order of steps and the bound of r by
half of the tokens are those of facebookresearch/ToMe, tome/merge.py and tome/patch/timm.py.
"""

from dataclasses import dataclass
from typing import ClassVar

from costmodel import zoo
from costmodel.claim import Claim
from costmodel.strategies._shown import Shown
from costmodel.strategies._tokens import Cut, Layer, Stream, also_covers, by_depth
from costmodel.workload import Op, Workload


@dataclass(frozen=True)
class TokenMerging(Shown):
    """Merge `r` tokens in each layer, at most half of those not among the `protected` first (the class token).

    Similarities of the two halves of the tokens, by their keys averaged over heads, are an op of their own. r = 0
    changes nothing. ValueError for negative numbers, and where a pass is not one of a transformer on all its tokens.
    """

    r: int
    protected: int = 1
    prunes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.r < 0 or self.protected < 0:
            raise ValueError(f"r and protected must be at least 0, got r={self.r}, protected={self.protected}")

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload with fewer tokens layer after layer."""
        if self.r == 0:
            return workload
        whole = by_depth(workload, "token_merging")
        tokens, cuts = whole.tokens, {}
        for layer in whole.layers:
            merged = min(self.r, max(0, tokens - self.protected) // 2)
            if merged:
                cuts[layer.residual] = Cut(_merge(whole, layer, tokens, merged), tokens - merged)
            tokens -= merged
        found = whole.shortened(cuts)
        causal = any(op.heads.causal for op in workload.ops if op.kind == "attention")
        told = "tokens of a causal model merged, which its paper has not; decodes after it attend to all"
        return also_covers(found, told) if causal else found


def _merge(whole: Stream, layer: Layer, tokens: int, merged: int) -> Op:
    """Matching and merging: a product of half of the tokens' keys with the other half's, and weighted sums."""
    ops, batch, width = whole.workload.ops, whole.workload.batch, whole.width(layer.residual)
    attended, joined = ops[layer.attention], ops[layer.residual].name
    head_dim = attended.k - attended.output_elements / (attended.b * attended.m)
    first, second = (tokens + 1) // 2, tokens // 2
    average, normalise, compare = tokens * attended.b / batch * head_dim, 3 * tokens * head_dim, first * second
    return Op(
        f"{joined}.merge",
        "matmul",
        (joined, attended.inputs[0]),
        b=batch,
        m=first,
        n=second,
        k=head_dim,
        input_elements=batch * tokens * (width + head_dim),
        output_elements=batch * (tokens - merged) * width,
        vector_flops=batch * (average + normalise + compare + 2 * merged * width),
    )


def _gmacs(network: str, r: int) -> float:
    return float(sum(op.macs for op in TokenMerging(r)(zoo.build(network)).ops)) / 1e9


_TABLE = "Bolya et al., Token Merging, arXiv 2210.09461, results on DeiT (paperswithcode.com, GFLOPs: multiply-adds)"
_ROUNDING = 0.05
"""Half of the last digit printed."""


def _claim(size: str, r: int, published: float) -> Claim:
    network = f"deit_{size}_patch16_224"
    return Claim("Token merging", f"deit-{size}-r{r}", f"multiply-adds of DeiT-{size} with r = {r}, G", _TABLE,
                 "analytic", published, lambda: _gmacs(network, r), rtol=max(0.02, _ROUNDING / published),
                 how="count")  # fmt: skip


CLAIMS = (
    _claim("small", 8, 3.4),
    _claim("small", 13, 2.7),
    _claim("small", 16, 2.3),
    _claim("tiny", 8, 0.9),
    _claim("tiny", 12, 0.8),
    _claim("tiny", 16, 0.6),
)

EXAMPLES = (TokenMerging(8), TokenMerging(16), TokenMerging(200, protected=0))
IDENTITIES = (TokenMerging(0),)
