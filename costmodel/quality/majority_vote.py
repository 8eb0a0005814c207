"""Self-consistency: the majority of sampled answers, and how many samples it takes to know it.

Wang et al., Self-Consistency Improves Chain of Thought Reasoning in Language Models, arXiv 2203.11171. Zhou et al., A
Theoretical Study on Bridging Internal Probability and Self-Consistency for LLM Reasoning, arXiv 2510.15444 (RPC), which
counts each distinct path once, by its probability. Samples are independent; votes are between one answer and the rest,
which is the worst case for it.
"""

import math
from collections.abc import Hashable, Sequence

import numpy as np

from costmodel.claim import Claim

REACH = 40.0
"""Beyond so many standard deviations, each one more than it is, a binomial's probabilities are below 1e-100."""


def majority_accuracy(samples: int, correct: float) -> float:
    """Probability that more than half of the samples are correct; a tie is decided by a fair coin.

    Of two samples that is as often as one is.
    """
    _check(samples, correct)
    if samples <= 2:
        return correct
    return 0.5 * (_at_least(samples // 2 + 1, samples, correct) + _at_least((samples + 1) // 2, samples, correct))


def expected_samples(samples: int, correct: float) -> float:
    """Mean samples until the majority of `samples` is certain: once one side has more than half of them, or all are in.

    Stopping there changes no answer. Draw t brings a side's d-th vote with probability C(t-1, d-1) p^d q^(t-d), which
    times t is d / p of what brings its d+1-th at t+1: of all t before the last, so many that are d+1 by the last.
    """
    _check(samples, correct)
    decided = samples // 2 + 1
    mean, left = 0.0, 1.0
    for vote in (correct, 1.0 - correct):
        if more := _at_least(decided + 1, samples, vote):
            mean += decided / vote * more
        left -= _at_least(decided, samples - 1, vote)
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


def _at_least(k: int, n: int, p: float) -> float:
    """Probability of at least k successes of n: the sum of what follows from one number to the next by ratios.

    Those REACH standard deviations and more from the mean are none.
    """
    if p in (0.0, 1.0):
        return float(k <= n * p)
    spread = math.ceil(REACH * (math.sqrt(n * p * (1.0 - p)) + 1.0))
    first, last = max(math.floor(n * p) - spread, 0), min(math.ceil(n * p) + spread, n)
    numbers = np.arange(first, last + 1, dtype=np.float64)
    ratios = np.log((n - numbers[:-1]) / numbers[1:]) + (math.log(p) - math.log1p(-p))
    logarithms = np.concatenate([[0.0], np.cumsum(ratios)])
    shares = np.exp(logarithms - logarithms.max())
    return min(float(shares[numbers >= k].sum() / shares.sum()), 1.0)


def _check(samples: int, correct: float) -> None:
    if samples < 1 or samples != int(samples):
        raise ValueError(f"samples must be a whole number of at least 1, got {samples}")
    if not 0 <= correct <= 1:
        raise ValueError(f"correct must be within [0, 1], got {correct}")


CLAIMS = (
    Claim("RPC", "samples-saved", "share of samples saved at the accuracy of self-consistency, %",
          "Zhou et al., arXiv 2510.15444, abstract", "training", 50.0),
)  # fmt: skip
