"""Quiet-STaR: a thought before every token.

Zelikman et al., Quiet-STaR: Language Models Can Teach Themselves to Think Before Speaking, arXiv 2403.09629: each
position of the text is followed by a thought of its own between two learned marks, which later positions do not see.
"""

from dataclasses import dataclass
from typing import ClassVar

from costmodel.claim import Claim
from costmodel.strategies._samples import again
from costmodel.strategies._shown import Shown
from costmodel.workload import Workload

MARKS = 2
"""Where a thought starts and where it ends."""


@dataclass(frozen=True)
class QuietSTaR(Shown):
    """A decode pass once for a token and for each of the `thought_tokens` before it with their two marks.

    Thoughts that leave the cache again are as long as the context sees. ValueError for a negative number of tokens or a
    pass that is no decode.
    """

    thought_tokens: int = 8
    alike: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.thought_tokens < 0:
            raise ValueError(f"thought_tokens must be at least 0, got {self.thought_tokens}")

    def __call__(self, workload: Workload) -> Workload:
        """Return the pass of a token with its thought."""
        if self.thought_tokens == 0:
            return workload
        told = f"a token after a thought of {self.thought_tokens}"
        return again(workload, 1.0 + self.thought_tokens + MARKS, told)


CLAIMS: tuple[Claim, ...] = ()
"""What was measured of it beside REBASE is listed in inference_budget.py."""

EXAMPLES = (QuietSTaR(8), QuietSTaR(16))
IDENTITIES = (QuietSTaR(0),)
