"""How many tokens to draft before each check: the decision process of SpecDec++, solved exactly for a known trace.

Huang, Guo, Wang, SpecDec++: Boosting Speculative Decoding via Adaptive Candidate Lengths, arXiv 2405.19715: the length
of a draft is a Markov decision process, and its best policy stops once a rejection is likelier than a threshold. Here
the probability that a draft token is accepted is given by its place in the text; costs count passes of the target. The
threshold for an even trace is our derivation (see `stop_threshold`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel.claim import Claim
from costmodel.strategies.drafting import expected_tokens

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DraftPlan:
    """`passes` float64[N + 1]: least expected passes of the target to write the text from each place to its end.

    `draft_tokens` int64[N]: the drafts that take so few, the shortest where several do.
    """

    passes: Floats
    draft_tokens: NDArray[np.int64]


def plan(acceptance: ArrayLike, draft_cost: float, *, most: int = 64) -> DraftPlan:
    """Return the best draft length at every place of a text, from its end backwards.

    acceptance  float[N], the probability that a token drafted for that place is accepted if those before it were
    draft_cost  a draft pass's time over a target pass's
    most        longest draft

    One token of a round is the target's own, so that a draft never reaches the last place. ValueError outside [0, 1],
    for an empty text, or a negative cost.
    """
    p = _probabilities(acceptance)
    if not draft_cost >= 0:
        raise ValueError(f"draft_cost must be at least 0, got {draft_cost}")
    passes = np.zeros(len(p) + 1)
    chosen = np.zeros(len(p), dtype=np.int64)
    for n in reversed(range(len(p))):
        costs = round_costs(p, passes, n, draft_cost, most)
        chosen[n] = costs.argmin()
        passes[n] = costs.min()
    return DraftPlan(passes, chosen)


def round_costs(acceptance: Floats, passes: Floats, place: int, draft_cost: float, most: int) -> Floats:
    """Expected passes from `place` on by the length of its draft, 0 to `most` or to the text's last place but one.

    A draft that is one token longer costs one draft pass more; if all of it is accepted, the text is one place further.
    """
    longest = min(most, len(acceptance) - place - 1)
    survives = np.cumprod(acceptance[place : place + longest])
    gained = passes[place + 1 : place + 1 + longest] - passes[place + 2 : place + 2 + longest]
    steps = draft_cost - survives * gained
    return np.asarray(1.0 + passes[place + 1] + np.concatenate([[0.0], np.cumsum(steps)]))


def passes_of(draft_tokens: Sequence[int], acceptance: ArrayLike, draft_cost: float) -> Floats:
    """Expected passes of the target from each place to the end, float64[N + 1], under given draft lengths."""
    p = _probabilities(acceptance)
    passes = np.zeros(len(p) + 1)
    for n in reversed(range(len(p))):
        costs = round_costs(p, passes, n, draft_cost, int(draft_tokens[n]))
        passes[n] = costs[-1]
    return passes


def stop_threshold(acceptance_rate: float, draft_cost: float, *, most: int = 64) -> float:
    """Probability of a rejection above which a draft goes no further, where every token is accepted alike.

    In a long text a token is worth the best mean time of one, t. The next draft token costs `draft_cost` and gains t if
    it and all before it are accepted: it pays while the probability of a rejection is below 1 - draft_cost / t.
    """
    lengths = np.arange(most + 1)
    token = ((1.0 + lengths * draft_cost) / expected_tokens(acceptance_rate, lengths)).min()
    return float(1.0 - draft_cost / token)


def _probabilities(acceptance: ArrayLike) -> Floats:
    p = np.asarray(acceptance, dtype=np.float64)
    if p.ndim != 1 or not len(p):
        raise ValueError(f"acceptance must hold one probability a place, got an array of shape {p.shape}")
    outside = p[~((p >= 0) & (p <= 1))]
    if outside.size:
        raise ValueError(f"acceptance must be within [0, 1], got {outside[0]}")
    return p


_ABSTRACT = "Huang, Guo, Wang, SpecDec++, arXiv 2405.19715, abstract: llama-2-chat 7B drafts for 70B on 2 A100 80 GB"
_README = "github.com/Kaffaljidhmah2/SpecDec_pp, README.md, sample results"

CLAIMS = (
    *(
        Claim("SpecDec++", f"{name}-speedup", f"speed-up on {name}", _ABSTRACT, "hardware", faster)
        for name, faster in (("alpaca", 2.04), ("gsm8k", 2.26), ("humaneval", 2.23))
    ),
    *(
        Claim("SpecDec++", f"{name}-gain", f"gain over a fixed draft length on {name}, %", _ABSTRACT, "hardware", gain)
        for name, gain in (("alpaca", 7.2), ("gsm8k", 9.4), ("humaneval", 11.1))
    ),
    Claim("SpecDec++", "sample-draft-cost", "time a token of the draft over the target's", _README, "hardware", 0.165),
)  # fmt: skip
