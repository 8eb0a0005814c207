"""Early stop: samples of an answer one after the other, until no vote that is left can change the majority.

Wang et al., arXiv 2203.11171, is the vote that it gives the answers of. Zhou et al., A Theoretical Study on Bridging
Internal Probability and Self-Consistency for LLM Reasoning, arXiv 2510.15444 (RPC), save half of the samples by the
probability of their paths: that takes the model's own probabilities, which `costmodel.quality.majority_vote` weighs.
"""

from dataclasses import dataclass, replace
from statistics import fmean

from costmodel.claim import Claim
from costmodel.quality.majority_vote import expected_samples, majority_accuracy
from costmodel.strategies._samples import again, problems, require_correct, require_samples
from costmodel.strategies._shown import Shown
from costmodel.workload import Workload
from costmodel.workload.answers import sampled


@dataclass(frozen=True)
class EarlyStop(Shown):
    """A decode pass as often as samples are drawn on average until the majority of `samples` is certain.

    A sample is right with probability `correct`, of equally common problems where there are several, of the workload's
    own answers where there is none; votes are between the right answer and one wrong one, where most samples are
    needed. Samples follow each other, so that a token's time is that of all of them; `best_of_n` draws all at once,
    with the same answers. ValueError for fewer than one sample, no
    probability, and a pass that is no decode.
    """

    samples: int = 16
    correct: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        require_samples(self.samples)
        require_correct(self.correct)

    def __call__(self, workload: Workload) -> Workload:
        """Return the pass of a token in every sample that is drawn."""
        if self.samples == 1:
            return workload
        rates = problems(workload, self.correct, "early_stop").tolist()
        drawn = fmean(expected_samples(self.samples, rate) for rate in rates)
        right = fmean(majority_accuracy(self.samples, rate) for rate in rates)
        found = again(workload, drawn, f"a token of {drawn:.3g} samples on average, of {self.samples}")
        return replace(found, answers=sampled(right))


CLAIMS: tuple[Claim, ...] = ()
"""RPC's share of samples saved, which is trained models', is a claim of costmodel/quality/majority_vote.py."""

EXAMPLES = (EarlyStop(16, (0.6,)), EarlyStop(5, (0.9, 0.3)))
IDENTITIES = (EarlyStop(1), EarlyStop(1, (0.5,)))
