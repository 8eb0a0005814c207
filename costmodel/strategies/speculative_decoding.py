"""Speculative decoding: a draft model writes a few tokens, which the target model checks in one pass.

Leviathan, Kalman, Matias, Fast Inference from Transformers via Speculative Decoding, arXiv 2211.17192, whose formulas
and claims are those of drafting.py. Acceptances are taken as independent and alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from costmodel import zoo
from costmodel.catalog import require
from costmodel.claim import Claim
from costmodel.strategies._beside import DRAFT, another, beside, reading
from costmodel.strategies._decoders import decoder
from costmodel.strategies._shown import Shown
from costmodel.strategies.drafting import expected_tokens
from costmodel.workload import Workload
from costmodel.workload.several_tokens import several_tokens

LONGEST = 1000
"""Longer drafts are taken for slips of the keyboard."""


@dataclass(frozen=True)
class SpeculativeDecoding(Shown):
    """A decode pass drafted by the zoo's model `draft` and checked by the workload's own; still a token a sequence.

    The draft reads the prompt too, for a cache of its own: a prefill is both models'.

    In a round the draft decodes `draft_tokens` times, the target computes one token more of each sequence at once, and
    `expected_tokens` come out: every count is divided by that. Draft and target see the same context and precision; the
    pass over a last accepted draft token, which only fills the draft's cache, is left out. ValueError for another pass,
    an acceptance rate outside [0, 1], fewer than 0 draft tokens or more than LONGEST, and a draft that is unknown, no
    decoder of tokens, of another vocabulary than a zoo's target or larger.
    """

    draft_tokens: int = 4
    acceptance_rate: float = 0.8
    draft: str = "llama-3.2-1b"
    alike: ClassVar[bool] = True
    scored: ClassVar[tuple[bool, ...]] = (False, True)

    def __post_init__(self) -> None:
        check(self.draft_tokens, self.acceptance_rate)
        require_drafting("draft_tokens", self.draft_tokens, self.draft)

    def __call__(self, workload: Workload) -> Workload:
        """Return the pass of one token on average."""
        if self.rounds is None:
            return workload
        if workload.phase == "prefill":
            return reading(workload, self.draft, DRAFT)
        return drafted(workload, self.passes(workload), self.runs, self.draft)

    @property
    def rounds(self) -> tuple[str, int] | None:
        """What decides the passes of a round; None without a draft."""
        return (self.draft, self.draft_tokens) if self.draft_tokens else None

    @cached_property
    def runs(self) -> tuple[float, float]:
        """How often the draft's and the target's passes run for a token: all that the acceptance rate decides."""
        rounds = 1.0 / float(expected_tokens(self.acceptance_rate, self.draft_tokens))
        return self.draft_tokens * rounds, rounds

    def passes(self, workload: Workload, build: Callable[..., Workload] = zoo.build) -> tuple[Workload, Workload]:
        """One pass of the draft, which `build` makes, and the pass of the target that checks."""
        return round_of(workload, self.draft, self.draft_tokens, build)


def round_of(
    workload: Workload, draft: str, draft_tokens: int, build: Callable[..., Workload]
) -> tuple[Workload, Workload]:
    """A pass of the zoo's model `draft`, as `build` makes it, and the target's pass over so many tokens and one more.

    Where the target writes more tokens than count, the draft does. ValueError for a pass that is no decode.
    """
    one = another(workload, draft, DRAFT, build)
    return one, several_tokens(workload, draft_tokens + 1)


def drafted(workload: Workload, passes: tuple[Workload, Workload], runs: tuple[float, float], draft: str) -> Workload:
    """The pass of one token on average of a round's passes, which run so often for it."""
    (drafting, wide), (draft_runs, target_runs) = passes, runs
    covers = f"a token on average of a round of {draft} and {workload.name}: {workload.covers}"
    return beside(wide, target_runs, drafting, draft_runs, DRAFT, covers)


def check(draft_tokens: int, acceptance_rate: float) -> None:
    """ValueError unless draft_tokens is a whole number of at least 0 and acceptance_rate within [0, 1]."""
    if draft_tokens < 0 or draft_tokens != int(draft_tokens):
        raise ValueError(f"draft_tokens must be a whole number of at least 0, got {draft_tokens}")
    if not 0 <= acceptance_rate <= 1:
        raise ValueError(f"acceptance_rate must be within [0, 1], got {acceptance_rate}")


def require_drafting(what: str, tokens: int, draft: str) -> None:
    """ValueError for drafts beyond LONGEST, and for what is no draft."""
    require("draft model", draft, zoo.names())
    decoder(draft, "a draft")
    if tokens > LONGEST:
        raise ValueError(f"{what} must be at most {LONGEST}, got {tokens}")


CLAIMS: tuple[Claim, ...] = ()
EXAMPLES = (SpeculativeDecoding(4, 0.8), SpeculativeDecoding(1, 0.0), SpeculativeDecoding(8, 1.0))
IDENTITIES = (SpeculativeDecoding(0, 0.5),)
