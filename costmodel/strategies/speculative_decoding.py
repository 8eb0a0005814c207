"""Speculative decoding: a draft model writes a few tokens, which the target model checks in one pass.

Leviathan, Kalman, Matias, Fast Inference from Transformers via Speculative Decoding, arXiv 2211.17192: tokens of a
round (equation 1), speed-up (theorem 3.8). Acceptances are taken as independent and alike.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from costmodel import zoo
from costmodel.catalog import require
from costmodel.claim import Claim
from costmodel.record import Real, changed
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


def expected_tokens(acceptance_rate: Real, draft_tokens: Real) -> Real:
    """Mean tokens of a round, (1 - a^(K + 1)) / (1 - a): accepted ones and the target's own."""
    a, k = np.asarray(acceptance_rate, dtype=np.float64), np.asarray(draft_tokens)
    sure = a == 1
    return np.where(sure, k + 1.0, (1.0 - a ** (k + 1)) / np.where(sure, 1.0, 1.0 - a))[()]


def speedup(acceptance_rate: Real, draft_tokens: Real, draft_cost: Real) -> Real:
    """Time of plain decoding over that of drafted, where a draft pass takes `draft_cost` of a target pass."""
    return expected_tokens(acceptance_rate, draft_tokens) / (1.0 + draft_tokens * draft_cost)


def _is_own(op: Op) -> bool:
    return bool(op.kind == "attention" and (op.heads.causal or op.heads.batch == 0))


def _drafted(op: Op, count: float) -> Op:
    inputs = tuple(PREFIX + name for name in op.inputs)
    return changed(op, name=PREFIX + op.name, inputs=inputs, count=op.count * count)


_ABSTRACT = "Huang, Guo, Wang, SpecDec++, arXiv 2405.19715, abstract: llama-2-chat 7B drafts for 70B on 2 A100 80 GB"
_README = "github.com/Kaffaljidhmah2/SpecDec_pp, README.md, sample results"

SAMPLE = {
    "spec_time_s": 15.580421447753906, "rounds": 67, "tokens": 180, "target_time_s": 25.6504251956939,
    "target_tokens": 203, "draft_time_s": 2.795105218887329, "draft_tokens": 134,
}  # fmt: skip
"""One generation of that repository's README: drafted, by the target alone, by the draft alone."""


def _token_s(who: str) -> float:
    return SAMPLE[f"{who}_time_s"] / SAMPLE[f"{who}_tokens"]


def _sample_speedup() -> float:
    return _token_s("target") / (SAMPLE["spec_time_s"] / SAMPLE["tokens"])


def without_gain(faster: float, gain: float) -> float:
    """Speed-up of the baseline over which `gain` (0.1 = 10 %) gives `faster`."""
    return faster / (1.0 + gain)


CLAIMS = (
    *(
        Claim("SpecDec++", f"{name}-speedup", f"speed-up on {name}", _ABSTRACT, "hardware", faster)
        for name, faster in (("alpaca", 2.04), ("gsm8k", 2.26), ("humaneval", 2.23))
    ),
    *(
        Claim("SpecDec++", f"{name}-gain", f"gain over a fixed draft length on {name}, %", _ABSTRACT, "hardware", gain)
        for name, gain in (("alpaca", 7.2), ("gsm8k", 9.4), ("humaneval", 11.1))
    ),
    Claim("SpecDec++", "fixed-length-alpaca", "speed-up of a fixed draft length that speed-up and gain imply",
          _ABSTRACT, "analytic", 1.903, lambda: without_gain(2.04, 0.072), rtol=5e-4),
    Claim("SpecDec++", "fixed-length-gsm8k", "speed-up of a fixed draft length that speed-up and gain imply",
          _ABSTRACT, "analytic", 2.066, lambda: without_gain(2.26, 0.094), rtol=5e-4),
    Claim("SpecDec++", "fixed-length-humaneval", "speed-up of a fixed draft length that speed-up and gain imply",
          _ABSTRACT, "analytic", 2.007, lambda: without_gain(2.23, 0.111), rtol=5e-4),
    Claim("SpecDec++", "sample-draft-cost", "time a token of the draft over the target's", _README, "hardware", 0.165),
    Claim("SpecDec++", "sample-tokens", "tokens a round of the sample", _README, "analytic", 2.687,
          lambda: SAMPLE["tokens"] / SAMPLE["rounds"], rtol=5e-4),
    Claim("SpecDec++", "sample-speedup", "speed-up of the sample", _README, "analytic", 1.46, _sample_speedup,
          rtol=5e-3),
)  # fmt: skip

EXAMPLES = (SpeculativeDecoding(4, 0.8), SpeculativeDecoding(1, 0.0), SpeculativeDecoding(8, 1.0, "llama-3.2-3b"))
IDENTITIES = (SpeculativeDecoding(0, 0.5),)
