"""LazyLLM: a prompt's least attended tokens leave a prefill layer after layer; random and static pruning beside it.

Fu et al., LazyLLM: Dynamic Token Pruning for Efficient Long Context LLM Inference, arXiv 2407.14057; the schedule over
layers is the one that Horton et al., arXiv 2410.08391, table 7, take as their baseline.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from costmodel.claim import Claim
from costmodel.record import Real
from costmodel.strategies._shown import Shown
from costmodel.strategies._tokens import Cut, Stream, also_covers, by_depth
from costmodel.workload import Op, Workload

DENSE, RAMP = 0.3, 0.6
"""Shares of the layers that see every token, and over which the kept share falls from begin to end."""

SCORING = 0.25
"""Share of the model that static pruning runs on the whole prompt to score its tokens."""


@dataclass(frozen=True)
class LazyLLM(Shown):
    """Keep all tokens in the first `dense` layers, then `begin` falling to `end` over `ramp` of them, then `end`.

    dense = ramp = 0 with begin = end leaves tokens out before the first layer: random pruning. begin = end = 1 changes
    nothing. The last token always stays. ValueError for shares outside (0, 1], a rising schedule, dense + ramp > 1, and
    a pass not of a transformer on all its tokens.
    """

    begin: float = 0.75
    end: float = 0.1
    dense: float = DENSE
    ramp: float = RAMP
    prunes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("begin", "end"):
            _check_share(name, getattr(self, name))
        if self.end > self.begin:
            raise ValueError(f"end must be at most begin, got end={self.end}, begin={self.begin}")
        if min(self.dense, self.ramp) < 0 or self.dense + self.ramp > 1:
            raise ValueError(f"dense and ramp must be shares of the layers, got dense={self.dense}, ramp={self.ramp}")

    def __call__(self, workload: Workload) -> Workload:
        """Return the pass on fewer tokens."""
        if self.begin == self.end == 1:
            return workload
        whole = by_depth(workload, "lazy_llm")
        tokens, cuts = whole.tokens, {}
        for i, layer in enumerate(whole.layers):
            left = max(1, round(whole.tokens * self.kept(i / len(whole.layers))))
            if left < tokens:
                cuts[layer.entry] = Cut(_gathered(whole, layer.entry, left), left)
                tokens = left
        found = whole.shortened(cuts)
        causal = all(op.heads.causal for op in workload.ops if op.kind == "attention")
        return (
            found if causal else also_covers(found, "tokens left out by lazy_llm, of causal models in its paper alone")
        )

    def kept(self, depth: float) -> float:
        """Share of the tokens that a layer at `depth`, 0 (the first) to 1, works on."""
        if depth < self.dense:
            return 1.0
        fallen = (depth - self.dense) / self.ramp if self.ramp else 1.0
        return max(self.end, self.begin + (self.end - self.begin) * fallen)


def _gathered(whole: Stream, entry: int, left: int) -> Op:
    source, elements = whole.workload.ops[entry], whole.workload.batch * left * whole.width(entry)
    return Op(
        f"{source.name}.kept", "elementwise", (source.name,), source.count, input_elements=elements,
        output_elements=elements,
    )  # fmt: skip


def _check_share(name: str, share: Real) -> None:
    if not np.all((np.asarray(share) > 0) & (np.asarray(share) <= 1)):
        raise ValueError(f"{name} must be in (0, 1], got {share}")


def random_speedup(keep: Real) -> Real:
    """FLOPs of a prefill over those with a share `keep` of its tokens."""
    _check_share("keep", keep)
    return 1.0 / keep


def static_speedup(keep: Real) -> Real:
    """The same where the first quarter of the model scores all tokens, and the model then reads those kept."""
    _check_share("keep", keep)
    return 1.0 / (SCORING + keep)


def lazy_speedup(begin: Real, end: Real) -> Real:
    """The same for LazyLLM's schedule, FLOPs taken as linear in tokens."""
    _check_share("begin", begin)
    _check_share("end", end)
    return 1.0 / (DENSE + RAMP * (begin + end) / 2 + (1.0 - DENSE - RAMP) * end)


_TABLE = "Horton et al., arXiv 2410.08391, table 7"
_SLIP = "tables 5 and 6 print the rows 0.75-0.10 and 0.75-0.01 in each other's place; table 7 has them right"
_LAZY = {
    (0.75, 0.75): 1.21, (0.75, 0.5): 1.38, (0.75, 0.25): 1.60, (0.75, 0.1): 1.77, (0.75, 0.05): 1.83,
    (0.75, 0.01): 1.89, (0.5, 0.5): 1.54, (0.5, 0.25): 1.82, (0.5, 0.1): 2.04, (0.5, 0.05): 2.13, (0.5, 0.01): 2.20,
}  # fmt: skip
_WHAT = "FLOPs before the first token over those with"

CLAIMS = (
    *(
        Claim("KV Prediction", f"random-{keep}", f"{_WHAT} {keep} of the tokens", _TABLE, "analytic", published,
              partial(random_speedup, keep), rtol=0.005, how="definition")
        for keep, published in ((0.75, 1.33), (0.5, 2.0), (0.25, 4.0))
    ),
    *(
        Claim("KV Prediction", f"static-{keep}", f"{_WHAT} the best {keep} of the tokens", _TABLE, "analytic",
              published, partial(static_speedup, keep), rtol=0.005, how="fitted")
        for keep, published in ((0.5, 1.33), (0.25, 2.0))
    ),
    *(
        Claim("KV Prediction", f"lazy-{begin}-{end}", f"{_WHAT} LazyLLM from {begin} to {end}", _TABLE, "analytic",
              published, partial(lazy_speedup, begin, end), rtol=0.006, how="fitted")
        for (begin, end), published in _LAZY.items()
    ),
    *(
        Claim("KV Prediction", f"lazy-0.75-{end}-as-in-table-5", f"{_WHAT} LazyLLM from 0.75 to {end}, tables 5 and 6",
              "Horton et al., arXiv 2410.08391, tables 5 and 6", "analytic", published,
              partial(lazy_speedup, 0.75, end), gap=_SLIP, how="fitted")
        for end, published in ((0.1, 1.89), (0.01, 1.77))
    ),
)  # fmt: skip

EXAMPLES = (LazyLLM(0.75, 0.1), LazyLLM(0.5, 0.5, dense=0.0, ramp=0.0))
IDENTITIES = (LazyLLM(1.0, 1.0),)
