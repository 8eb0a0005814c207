"""Revisions: an answer that the model corrects, one attempt after the other.

Snell, Lee, Xu, Kumar, Scaling LLM Test-Time Compute Optimally can be More Effective than Scaling Model Parameters,
arXiv 2408.03314: each attempt has the earlier ones in its context.
"""

from dataclasses import dataclass
from typing import ClassVar

from costmodel.claim import Claim
from costmodel.strategies._samples import again
from costmodel.strategies._shown import Shown
from costmodel.workload import Workload


@dataclass(frozen=True)
class Revisions(Shown):
    """A decode pass for each token of an answer and of its `revisions`.

    Earlier attempts stay cached: count them in the context of the decode. How often a revised answer is right takes a
    trained model to know, so that it is unknown here. ValueError for a negative number or a pass that is no decode.
    """

    revisions: int = 3
    alike: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.revisions < 0:
            raise ValueError(f"revisions must be at least 0, got {self.revisions}")

    def __call__(self, workload: Workload) -> Workload:
        """Return the pass of a token in every attempt."""
        if self.revisions == 0:
            return workload
        return again(workload, 1.0 + self.revisions, f"a token of {1 + self.revisions} attempts")


CLAIMS: tuple[Claim, ...] = ()
"""What a smaller model reaches so is a claim of inference_budget.py."""

EXAMPLES = (Revisions(3),)
IDENTITIES = (Revisions(0),)
