"""Self-consistency: the majority of sampled answers, and how many samples it takes to know it.

Wang et al., Self-Consistency Improves Chain of Thought Reasoning in Language Models, arXiv 2203.11171. Zhou et al., A
Theoretical Study on Bridging Internal Probability and Self-Consistency for LLM Reasoning, arXiv 2510.15444 (RPC), which
counts each distinct path once, by its probability. Samples are independent; votes are between one answer and the rest,
which is the worst case for it.
"""

from collections.abc import Hashable, Sequence
from math import comb

import numpy as np

from costmodel.claim import Claim


def majority_accuracy(samples: int, correct: float) -> float:
    """Probability that more than half of the samples are correct; a tie is decided by a fair coin."""
    _check(samples, correct)
    more = sum(_binomial(samples, k, correct) for k in range(samples // 2 + 1, samples + 1))
    return more + (0.5 * _binomial(samples, samples // 2, correct) if samples % 2 == 0 else 0.0)


def expected_samples(samples: int, correct: float) -> float:
    """Mean samples until the majority of `samples` is certain: once one side has more than half of them, or all are in.

    Stopping there changes no answer.
    """
    _check(samples, correct)
    decided = samples // 2 + 1
    mean = 0.0
    left = 1.0
    for drawn in range(decided, samples):
        ends = comb(drawn - 1, decided - 1) * (
            correct**decided * (1 - correct) ** (drawn - decided)
            + (1 - correct) ** decided * correct ** (drawn - decided)
        )
        mean, left = mean + drawn * ends, left - ends
    return mean + samples * left


def coverage(samples: int, correct: float) -> float:
    """Probability that at least one sample is correct: what a perfect verifier finds."""
    _check(samples, correct)
    return 1.0 - (1.0 - correct) ** samples


def path_confidence(answers: Sequence[Hashable], log_probabilities: Sequence[float]) -> dict[Hashable, float]:
    """Confidence in each answer: the probability of the distinct paths that lead to it (RPC's perplexity consistency).

    A path is told by its answer and its log probability, so that drawing it twice counts once. ValueError where there
    are not as many of both, or none.
    """
    if not answers or len(answers) != len(log_probabilities):
        raise ValueError(f"answers and log_probabilities must pair, got {len(answers)} and {len(log_probabilities)}")
    found: dict[Hashable, float] = dict.fromkeys(answers, 0.0)
    for answer, logarithm in dict.fromkeys(zip(answers, log_probabilities, strict=True)):
        found[answer] += float(np.exp(logarithm))
    return found


def _binomial(n: int, k: int, p: float) -> float:
    return comb(n, k) * p**k * (1.0 - p) ** (n - k)


def _check(samples: int, correct: float) -> None:
    if samples < 1 or samples != int(samples):
        raise ValueError(f"samples must be a whole number of at least 1, got {samples}")
    if not 0 <= correct <= 1:
        raise ValueError(f"correct must be within [0, 1], got {correct}")


CLAIMS = (
    Claim("RPC", "samples-saved", "share of samples saved at the accuracy of self-consistency, %",
          "Zhou et al., arXiv 2510.15444, abstract", "training", 50.0),
)  # fmt: skip
