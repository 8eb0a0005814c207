"""How many tokens to draft before each check: the decision process of SpecDec++, solved exactly for a known trace.

Huang, Guo, Wang, SpecDec++: Boosting Speculative Decoding via Adaptive Candidate Lengths, arXiv 2405.19715: the length
of a draft is a Markov decision process, and its best policy stops once a rejection is likelier than a threshold. Here
the probability that a draft token is accepted is given by its place in the text; costs count passes of the target. The
threshold for an even trace is our derivation (see `stop_threshold`), the policy of `within_threshold` the authors'
(github.com/Kaffaljidhmah2/SpecDec_pp, specdec_pp/hf_generation.py). The prediction head that estimates the
probabilities as it drafts is not counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel import zoo
from costmodel.claim import Claim
from costmodel.strategies._beside import DRAFT, reading
from costmodel.strategies._shown import Shown
from costmodel.strategies._trace_file import numbers
from costmodel.strategies.drafting import expected_tokens
from costmodel.strategies.speculative_decoding import drafted, require_drafting, round_of
from costmodel.workload import Workload

Floats = NDArray[np.float64]

TEXT = 256
"""Tokens of a text, at least: shorter traces are repeated."""


@dataclass(frozen=True)
class SpecDecPlusPlus(Shown):
    """A decode pass whose drafts are as long as the acceptance of their tokens makes worth while.

    acceptance  the probability that a token drafted for each place is accepted if those before it were, repeated to a
                text of at least TEXT tokens
    trace       a file of them, a number a line, instead: `drafting.acceptance` of both models' probabilities
    draft_cost  a draft pass's time over a target pass's, as the policy believes it
    threshold   probability of a rejection from which on a draft ends; 0 solves the decision process for `draft_cost`
    least       shortest draft that a threshold ends (the authors' README: --bound 2 20)
    most        longest draft, of a threshold or the solution
    draft       the zoo's model that drafts

    Passes run as often as the policy has them run on average; the target checks as many tokens each time as a draft
    has on average, rounded up. A prefill is read by both. A policy that never drafts changes nothing. ValueError for
    numbers out of range, another pass, and a draft that speculative_decoding refuses.
    """

    acceptance: tuple[float, ...] = (0.8,)
    draft_cost: float = 0.1
    threshold: float = 0.0
    least: int = 2
    most: int = 20
    trace: str = ""
    draft: str = "llama-3.2-1b"
    alike: ClassVar[bool] = True
    scored: ClassVar[tuple[bool, ...]] = (False, True)

    def __post_init__(self) -> None:
        if self.trace:
            object.__setattr__(self, "acceptance", numbers(self.trace))
        _probabilities(self.acceptance)
        if not (self.draft_cost >= 0 and 0 <= self.threshold <= 1):
            told = f"got {self.draft_cost} and {self.threshold}"
            raise ValueError(f"draft_cost >= 0 and threshold within [0, 1] must hold, {told}")
        if min(self.least, self.most) < 1 or (self.threshold and self.least > self.most):
            raise ValueError(f"1 <= least <= most must hold, got {self.least} and {self.most}")
        require_drafting("most", self.most, self.draft)

    def __call__(self, workload: Workload) -> Workload:
        """Return the pass of one token on average."""
        if self.rounds is None:
            return workload
        if workload.phase == "prefill":
            return reading(workload, self.draft, DRAFT)
        return drafted(workload, self.passes(workload), self.runs, self.draft)

    @cached_property
    def runs(self) -> tuple[float, float]:
        """How often the draft's and the target's passes run for a token."""
        text = np.resize(self.acceptance, max(TEXT, len(self.acceptance)))
        if self.threshold:
            lengths = within_threshold(text, self.threshold, least=self.least, most=self.most)
        else:
            lengths = plan(text, self.draft_cost, most=self.most).draft_tokens
        rounds = float(passes_of(lengths, text, 0.0)[0])
        return (float(passes_of(lengths, text, 1.0)[0]) - rounds) / len(text), rounds / len(text)

    @property
    def rounds(self) -> tuple[str, int] | None:
        """What decides the passes of a round: the draft and its mean tokens, rounded up; None without a draft."""
        drafts, targets = self.runs
        length = ceil(drafts / targets - 1e-9)
        return (self.draft, length) if length else None

    def passes(self, workload: Workload, build: Callable[..., Workload] = zoo.build) -> tuple[Workload, Workload]:
        """One pass of the draft, which `build` makes, and the pass of the target that checks."""
        draft, length = self.rounds or (self.draft, 0)
        return round_of(workload, draft, length, build)


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


def within_threshold(acceptance: ArrayLike, threshold: float, *, least: int = 2, most: int = 20) -> NDArray[np.int64]:
    """Draft lengths by the authors' rule, int64[N]: up to the text's last place but one, `least` to `most` tokens.

    A token is drafted before the probability that one of those before it is rejected is looked at, and is the last
    where that is above `threshold`: two tokens more than keep within it, as the first looks at none.
    """
    p = _probabilities(acceptance)
    room = len(p) - 1 - np.arange(len(p))
    kept = [np.count_nonzero(1.0 - np.cumprod(p[n : n + most]) <= threshold) for n in range(len(p))]
    return np.asarray(np.minimum(np.clip(np.add(kept, 2), least, most), room))


def round_costs(acceptance: Floats, passes: Floats, place: int, draft_cost: float, most: int) -> Floats:
    """Expected passes from `place` on by the length of its draft, 0 to `most` or to the text's last place but one.

    A draft that is one token longer costs one draft pass more; if all of it is accepted, the text is one place further.
    """
    longest = min(most, len(acceptance) - place - 1)
    survives = np.cumprod(acceptance[place : place + longest])
    gained = passes[place + 1 : place + 1 + longest] - passes[place + 2 : place + 2 + longest]
    steps = draft_cost - survives * gained
    return np.asarray(1.0 + passes[place + 1] + np.concatenate([[0.0], np.cumsum(steps)]))


def passes_of(draft_tokens: Sequence[int] | NDArray[np.int64], acceptance: ArrayLike, draft_cost: float) -> Floats:
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
    if p.ndim != 1:
        raise ValueError(f"acceptance must hold one probability a place, got an array of shape {p.shape}")
    if not len(p):
        raise ValueError("acceptance must hold the probability of one place or more, got none")
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

EXAMPLES = (SpecDecPlusPlus(), SpecDecPlusPlus((0.98,) * 12 + (0.3,) * 6), SpecDecPlusPlus(threshold=0.3))
IDENTITIES = (SpecDecPlusPlus((0.0,)), SpecDecPlusPlus(draft_cost=2.0))
