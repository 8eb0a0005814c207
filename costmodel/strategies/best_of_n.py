"""Best of N, or self-consistency: N samples of every answer at once, of which a vote keeps one.

Cobbe et al., Training Verifiers to Solve Math Word Problems, arXiv 2110.14168; Wang et al., Self-Consistency Improves
Chain of Thought Reasoning in Language Models, arXiv 2203.11171.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from costmodel.claim import NoFigure
from costmodel.quality.majority_vote import majority_accuracy
from costmodel.strategies._samples import require_samples
from costmodel.strategies._shown import Shown
from costmodel.workload import Workload
from costmodel.workload.answers import sampled
from costmodel.workload.more_sequences import more_sequences


@dataclass(frozen=True)
class BestOfN(Shown):
    """A decode pass with `samples` sequences for each that the workload has; its batch counts them all.

    The weights are read once for all samples, a cache is kept for each, the prompt's part included. Answers are those
    of the majority; a verifier instead of the vote is `verified_search`. ValueError for fewer than one sample or a pass
    that is no decode.
    """

    samples: int
    alike: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_samples(self.samples)

    def __call__(self, workload: Workload) -> Workload:
        """Return the pass of all samples."""
        found = more_sequences(workload, self.samples)
        if found.answers is None:
            return found
        return replace(found, answers=sampled(majority_accuracy(self.samples, found.answers.right)))


CLAIMS = ()
UNCLAIMED = (
    NoFigure("Best of N and self-consistency", "many samples an answer, of which a verifier or a vote keeps one",
             "Cobbe et al., arXiv 2110.14168; Wang et al., arXiv 2203.11171; not read for figures",
             "training"),
)  # fmt: skip

EXAMPLES = (BestOfN(4), BestOfN(16))
IDENTITIES = (BestOfN(1),)
