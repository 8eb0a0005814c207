"""Token pruning: at some layers only the most attended fraction of the tokens goes on, the rest may become one token.

Liang et al., Not All Patches are What You Need, arXiv 2202.07800, section 3 (EViT: between attention and feed-forward,
by the class token's attention); Rao et al., DynamicViT, arXiv 2106.02034, section 3 (before the layer).
"""

from dataclasses import dataclass
from math import ceil
from typing import ClassVar

from costmodel import zoo
from costmodel.claim import Claim
from costmodel.strategies._shown import Shown
from costmodel.strategies._tokens import Cut, Stream, by_depth
from costmodel.workload import Op, Workload

PLACES = ("attention", "block")
"""After a layer's attention and its residual sum, or before the layer."""


@dataclass(frozen=True)
class TokenPruning(Shown):
    """Keep ceil(keep x tokens) at each of the layers `at` (from 0), beside the `protected` first tokens.

    `fuse` adds one token that stands for those left out. In a prefill the cache of later layers is as much shorter.
    keep = 1 changes nothing. What scores the tokens is not counted: it reads attention that is there (EViT). ValueError
    for a ratio outside (0, 1], a place not of PLACES, a layer that is not there, and a pass not of a transformer on all
    its tokens.
    """

    keep: float
    at: tuple[int, ...] = (3, 6, 9)
    place: str = "attention"
    fuse: bool = False
    protected: int = 1
    prunes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 < self.keep <= 1:
            raise ValueError(f"keep must be in (0, 1], got {self.keep}")
        if self.place not in PLACES:
            raise ValueError(f"place must be one of {', '.join(PLACES)}, got {self.place!r}")
        if self.protected < 0 or not self.at or min(self.at) < 0:
            raise ValueError(f"layers and protected must be at least 0, got at={self.at}, protected={self.protected}")

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload with fewer tokens after each of its layers."""
        if self.keep == 1:
            return workload
        whole = by_depth(workload, "token_pruning")
        if max(self.at) >= len(whole.layers):
            raise ValueError(f"{workload.name} has layers 0 to {len(whole.layers) - 1}, got {max(self.at)}")
        tokens, cuts = whole.tokens, {}
        for layer in (whole.layers[i] for i in sorted(set(self.at))):
            left = self._left(tokens)
            if left < tokens:
                after = layer.residual if self.place == "attention" else layer.entry
                cuts[after] = Cut(_choice(whole, after, tokens, left), left)
                tokens = left
        return whole.shortened(cuts)

    def _left(self, tokens: int) -> int:
        chosen = ceil(self.keep * max(0, tokens - self.protected))
        return min(tokens, min(self.protected, tokens) + chosen + self.fuse)


def _choice(whole: Stream, after: int, tokens: int, left: int) -> Op:
    """The chosen tokens, gathered; one pass over the scores and a weighted sum of what is left out."""
    batch, width, source = whole.workload.batch, whole.width(after), whole.workload.ops[after].name
    return Op(
        f"{source}.choice",
        "elementwise",
        (source,),
        input_elements=batch * tokens * width,
        output_elements=batch * left * width,
        vector_flops=batch * (tokens + (tokens - left) * width),
    )


def _gmacs(network: str, keep: float, *, fuse: bool = False, place: str = "attention") -> float:
    pruned = TokenPruning(keep, fuse=fuse, place=place)(zoo.build(network))
    return float(sum(op.macs for op in pruned.ops)) / 1e9


_EVIT = "youweiliang/evit, README.md, model zoo of arXiv 2202.07800"
_ROUNDING = 0.05
"""Half of the last digit printed."""
_OFF = "3.44 by our count, which rounds to one digit less: what fusion adds there is 0.03"


def _claim(keep: float, fuse: bool, published: float) -> Claim:
    what = "with" if fuse else "without"
    return Claim("EViT", f"deit-small-{keep}-{what}-fusion", f"multiply-adds of DeiT-S, keep {keep}, {what} fusion, G",
                 _EVIT, "analytic", published, lambda: _gmacs("deit_small_patch16_224", keep, fuse=fuse),
                 _ROUNDING / published, _OFF if (keep, fuse) == (0.8, False) else "", how="count")  # fmt: skip


_MACS = {0.9: 4.0, 0.8: 3.5, 0.7: 3.0, 0.6: 2.6, 0.5: 2.3}

CLAIMS = (
    *(_claim(keep, fuse, published) for fuse in (True, False) for keep, published in _MACS.items()),
    Claim("DynamicViT", "deit-small-0.7", "multiply-adds of DeiT-S, keep 0.7, G",
          "raoyongming/DynamicViT, README.md, model zoo of arXiv 2106.02034", "analytic", 2.9,
          lambda: _gmacs("deit_small_patch16_224", 0.7, place="block"), rtol=_ROUNDING / 2.9,
          how="count"),
)  # fmt: skip

EXAMPLES = (TokenPruning(0.7), TokenPruning(0.5, fuse=True), TokenPruning(0.5, at=(4, 8), place="block", protected=4))
IDENTITIES = (TokenPruning(1.0),)
