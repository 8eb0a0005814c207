"""Search against a verifier: candidates side by side, which another model judges step by step.

Snell, Lee, Xu, Kumar, Scaling LLM Test-Time Compute Optimally can be More Effective than Scaling Model Parameters,
arXiv 2408.03314: best of N against a verifier, beam search, lookahead. Wu et al., Inference Scaling Laws, arXiv
2408.00724: REBASE, whose tree has `width` nodes at every depth. All of them cost by their width alone: which prefixes
live on moves no work. Cobbe et al., arXiv 2110.14168, judge whole answers.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from costmodel import zoo
from costmodel.claim import Claim
from costmodel.strategies._beside import VERIFIER, beside, judging, reading
from costmodel.strategies._decoders import require_decoder
from costmodel.strategies._shown import Shown
from costmodel.workload import Workload
from costmodel.workload.more_sequences import more_sequences


@dataclass(frozen=True)
class VerifiedSearch(Shown):
    """A decode pass of `width` candidates of each sequence, whose every step of `step_tokens` a verifier reads.

    width       beams x expansions of a beam search, nodes of a depth of REBASE's tree, N of best of N
    step_tokens  tokens between two judgements: a reasoning step's, or an answer's for best of N
    verifier    the zoo's model that judges, which keeps a cache of each candidate
    ahead       further steps that each candidate is rolled out before it is judged (lookahead)

    The batch counts candidates. Each has a cache of its own: prefixes that beams share are read as often as beams read
    them. The verifier reads the prompt too: a prefill is both models'. How often a search is right is for nobody's
    formula, so its answers are unknown. One candidate has nothing to be chosen from. ValueError for counts below 1,
    negative `ahead`, an unknown verifier or another pass.
    """

    width: int = 16
    step_tokens: int = 64
    verifier: str = "llama-3.2-1b"
    ahead: int = 0
    alike: ClassVar[bool] = True
    scored: ClassVar[tuple[bool, ...]] = (False, True)

    def __post_init__(self) -> None:
        for name, least in (("width", 1), ("step_tokens", 1), ("ahead", 0)):
            value = getattr(self, name)
            if value < least or value != int(value):
                raise ValueError(f"{name} must be a whole number of at least {least}, got {value}")
        require_decoder("verifier", self.verifier)

    def __call__(self, workload: Workload) -> Workload:
        """Return the pass of a token of every candidate, with its share of a judgement."""
        if self.rounds is None:
            return workload
        if workload.phase == "prefill":
            return reading(workload, self.verifier, VERIFIER)
        (judging, own), (judged, written) = self.passes(workload), self.runs
        covers = f"{own.covers}, judged by {self.verifier} every {self.step_tokens} tokens"
        found = beside(own, written, judging, judged, VERIFIER, covers)
        return replace(found, answers=None, written=own.written * written)

    @property
    def rounds(self) -> tuple[str, int, int] | None:
        """What decides the passes; None for one candidate."""
        return (self.verifier, self.width, self.step_tokens) if self.width > 1 else None

    @property
    def runs(self) -> tuple[float, float]:
        """How often the verifier's and the model's passes run for a token."""
        return (1.0 + self.ahead) / self.step_tokens, 1.0 + self.ahead

    def passes(self, workload: Workload, build: Callable[..., Workload] = zoo.build) -> tuple[Workload, Workload]:
        """The verifier's pass over a step of all candidates, which `build` makes a token of, and the model's."""
        own = more_sequences(workload, self.width)
        return judging(own, self.verifier, self.step_tokens, build), own


CLAIMS: tuple[Claim, ...] = ()
"""What was measured of REBASE is listed in inference_budget.py."""

EXAMPLES = (VerifiedSearch(16), VerifiedSearch(4, 256), VerifiedSearch(8, 32, ahead=2))
IDENTITIES = (VerifiedSearch(1),)
