"""Speculative decoding: a draft model writes a few tokens, which the target model checks in one pass.

Leviathan, Kalman, Matias, Fast Inference from Transformers via Speculative Decoding, arXiv 2211.17192, whose formulas
and claims are those of drafting.py. Acceptances are taken as independent and alike.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from costmodel import zoo
from costmodel.catalog import require
from costmodel.claim import Claim
from costmodel.record import changed
from costmodel.strategies.drafting import expected_tokens
from costmodel.workload import Op, Workload
from costmodel.workload.several_tokens import several_tokens

PREFIX = "draft."
"""Before the names of the draft's ops."""


@dataclass(frozen=True)
class SpeculativeDecoding:
    """A decode pass drafted by the zoo's model `draft` and checked by the workload's own; still a token a sequence.

    In a round the draft decodes `draft_tokens` times, the target computes one token more of each sequence at once, and
    `expected_tokens` come out: every count is divided by that. Draft and target see the same context and precision; the
    pass over a last accepted draft token, which only fills the draft's cache, is left out. ValueError for a pass that
    is no decode, an unknown draft, fewer than 0 draft tokens or an acceptance rate outside [0, 1].
    """

    draft_tokens: int = 4
    acceptance_rate: float = 0.8
    draft: str = "llama-3.2-1b"
    alike: ClassVar[bool] = True
    scored: ClassVar[tuple[bool, ...]] = (False, True)

    def __post_init__(self) -> None:
        check(self.draft_tokens, self.acceptance_rate)
        require("draft model", self.draft, zoo.names())

    def __call__(self, workload: Workload) -> Workload:
        """Return the pass of one token on average."""
        if self.draft_tokens == 0:
            return workload
        (drafting, wide), (draft_runs, target_runs) = self.passes(workload), self.runs
        ops = [_drafted(op, draft_runs) for op in drafting.ops] + [op.times(target_runs) for op in wide.ops]
        covers = f"a token on average of a round of {self.draft} and {workload.name}: {workload.covers}"
        return replace(workload, ops=tuple(ops), uncounted=workload.uncounted + drafting.uncounted, covers=covers)

    @property
    def rounds(self) -> tuple[str, int]:
        """What decides the passes of a round."""
        return self.draft, self.draft_tokens

    @cached_property
    def runs(self) -> tuple[float, float]:
        """How often the draft's and the target's passes run for a token: all that the acceptance rate decides."""
        rounds = 1.0 / float(expected_tokens(self.acceptance_rate, self.draft_tokens))
        return self.draft_tokens * rounds, rounds

    def passes(self, workload: Workload, build: Callable[..., Workload] = zoo.build) -> tuple[Workload, Workload]:
        """One pass of the draft, which `build` makes, and the pass of the target that checks."""
        wide = several_tokens(workload, self.draft_tokens + 1)
        return build(self.draft, phase="decode", batch=workload.batch, context=context(workload)), wide


def check(draft_tokens: int, acceptance_rate: float) -> None:
    """ValueError unless draft_tokens is a whole number of at least 0 and acceptance_rate within [0, 1]."""
    if draft_tokens < 0 or draft_tokens != int(draft_tokens):
        raise ValueError(f"draft_tokens must be a whole number of at least 0, got {draft_tokens}")
    if not 0 <= acceptance_rate <= 1:
        raise ValueError(f"acceptance_rate must be within [0, 1], got {acceptance_rate}")


def context(workload: Workload) -> int:
    """Cached tokens of a decode's longest own attention; ValueError where it has none."""
    keys = [op.heads.keys if op.heads.batch > 0 else op.n for op in workload.ops if _is_own(op)]
    if workload.phase != "decode" or not keys:
        raise ValueError(f"only a decode has drafts, {workload.name} is a {workload.phase} pass")
    return int(max(keys)) - 1


def _is_own(op: Op) -> bool:
    return bool(op.kind == "attention" and (op.heads.causal or op.heads.batch == 0))


def _drafted(op: Op, count: float) -> Op:
    inputs = tuple(PREFIX + name for name in op.inputs)
    return changed(op, name=PREFIX + op.name, inputs=inputs, count=op.count * count)


CLAIMS: tuple[Claim, ...] = ()
EXAMPLES = (SpeculativeDecoding(4, 0.8), SpeculativeDecoding(1, 0.0), SpeculativeDecoding(8, 1.0, "llama-3.2-3b"))
IDENTITIES = (SpeculativeDecoding(0, 0.5),)
