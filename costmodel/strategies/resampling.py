"""Resampling until a verifier accepts, which is wrong at times.

Stroebl, Kapoor, Narayanan, Inference Scaling fLaws: The Limits of LLM Resampling with Imperfect Verifiers, arXiv
2411.17501: wrong answers that pass put a bound on what more samples are worth. The formulas are those of
`costmodel.quality.resampling`.
"""

from dataclasses import dataclass, replace

import numpy as np

from costmodel.claim import Claim
from costmodel.quality import resampling as law
from costmodel.strategies._beside import VERIFIER, beside, judging, reading
from costmodel.strategies._decoders import require_decoder
from costmodel.strategies._samples import again, problems, require_correct, require_samples
from costmodel.strategies._shown import Shown
from costmodel.workload import Workload
from costmodel.workload.answers import Answers


@dataclass(frozen=True)
class Resampling(Shown):
    """A decode pass as often as samples are drawn on average, `samples` at most, until one is accepted.

    A sample is right with probability `correct`, of equally common problems where there are several, of the workload's
    own answers where there is none. The verifier accepts a right one with probability `true_positive` and a wrong one
    with `false_positive`; it is free, as unit tests are, or the zoo's model `verifier`, which reads every sample of
    `answer_tokens` once, and a prefill's prompt. Where none is accepted there is no answer: what an answer is worth is
    right_answers less a penalty x wrong_answers. ValueError for counts below 1, for what is no probability, for an
    unknown verifier, and for a pass that is no decode.
    """

    samples: int = 10
    true_positive: float = 1.0
    false_positive: float = 0.1
    correct: tuple[float, ...] = ()
    verifier: str = ""
    answer_tokens: int = 256

    def __post_init__(self) -> None:
        require_samples(self.samples)
        require_correct(self.correct)
        law.check(true_positive=self.true_positive, false_positive=self.false_positive)
        if self.answer_tokens < 1:
            raise ValueError(f"answer_tokens must be at least 1, got {self.answer_tokens}")
        if self.verifier:
            require_decoder("verifier", self.verifier)

    def __call__(self, workload: Workload) -> Workload:
        """Return the pass of a token in every sample that is drawn."""
        if self.accepts_all:
            return workload
        if self.verifier and workload.phase == "prefill":
            return reading(workload, self.verifier, VERIFIER)
        rates = {
            "correct": problems(workload, self.correct, "resampling"),
            "true_positive": self.true_positive,
            "false_positive": self.false_positive,
        }
        drawn = float(np.mean(law.expected_samples(self.samples, **rates)))
        answered = law.answered(self.samples, **rates)
        right = float(np.mean(answered * np.nan_to_num(law.precision(**rates))))
        answers = Answers(right, max(0.0, float(np.mean(answered)) - right))
        found = again(workload, drawn, f"a token of {drawn:.3g} samples on average")
        if self.verifier:
            judged = judging(workload, self.verifier, self.answer_tokens)
            found = beside(found, 1.0, judged, drawn / self.answer_tokens, VERIFIER, found.covers)
        return replace(found, answers=answers)

    @property
    def accepts_all(self) -> bool:
        """Whether the first sample is always the answer."""
        return self.true_positive == self.false_positive == 1


CLAIMS: tuple[Claim, ...] = ()
"""Its best number of samples, of measured rates that are not printed, is a claim of costmodel/quality/resampling.py."""

EXAMPLES = (Resampling(10, correct=(0.4,)), Resampling(100, 0.9, 0.02, (0.5, 0.01), "llama-3.2-1b"))
IDENTITIES = (Resampling(8, 1.0, 1.0),)
