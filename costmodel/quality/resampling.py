"""Sampling until a verifier accepts: what answers are worth when the verifier errs, and how many samples pay.

Stroebl, Kapoor, Narayanan, Inference Scaling fLaws: The Limits of LLM Resampling with Imperfect Verifiers, arXiv
2411.17501, whose abstract says that false positives bound what resampling can reach, and that the best number of
samples is below ten where a false positive costs more than no answer. The formulas are derived here: samples of a
problem are independent, and the first that the verifier accepts is the answer; with none there is no answer.

correct         probability that a sample is correct
true_positive   probability that the verifier accepts a correct one
false_positive  probability that it accepts a wrong one
samples         samples at most
Arrays broadcast; a leading axis of problems gives each its own probabilities.
"""

import numpy as np

from costmodel.bounds import require_at_least, require_within
from costmodel.claim import Claim
from costmodel.record import Real


def accepted(*, correct: Real, true_positive: Real, false_positive: Real) -> Real:
    """Probability that the verifier accepts a sample."""
    return correct * true_positive + (1.0 - np.asarray(correct)) * false_positive


def precision(*, correct: Real, true_positive: Real, false_positive: Real) -> Real:
    """Probability that an accepted sample is correct: no number of samples raises it. nan where none is accepted."""
    with np.errstate(invalid="ignore"):
        return correct * true_positive / accepted(**_all(correct, true_positive, false_positive))


def answered(samples: Real, *, correct: Real, true_positive: Real, false_positive: Real) -> Real:
    """Probability that one of the samples is accepted."""
    require_at_least(0, samples=samples)
    return 1.0 - (1.0 - accepted(**_all(correct, true_positive, false_positive))) ** np.asarray(samples)


def expected_samples(samples: Real, *, correct: Real, true_positive: Real, false_positive: Real) -> Real:
    """Mean number of samples drawn: those up to the first accepted, `samples` at most."""
    require_at_least(0, samples=samples)
    rate = np.asarray(accepted(**_all(correct, true_positive, false_positive)), dtype=np.float64)
    drawn = (1.0 - (1.0 - rate) ** np.asarray(samples)) / np.where(rate > 0, rate, 1.0)
    return np.where(rate > 0, drawn, samples)[()]


def value(
    samples: Real, *, correct: Real, true_positive: Real, false_positive: Real,
    penalty: Real = 1.0, sample_cost: Real = 0.0,
) -> Real:  # fmt: skip
    """Worth of the procedure where a correct answer is worth 1, a wrong one -penalty, no answer 0.

    `sample_cost` is the cost of drawing and checking one sample, in the same unit. ValueError for
    samples below 0 and probabilities outside [0, 1].
    """
    rates = _all(correct, true_positive, false_positive)
    check(**rates)
    require_at_least(0, samples=samples)
    right = np.nan_to_num(precision(**rates))
    worth = answered(samples, **rates) * (right - penalty * (1.0 - right))
    return worth - sample_cost * expected_samples(samples, **rates)


def best_samples(
    *, correct: Real, true_positive: Real, false_positive: Real, penalty: float = 1.0, sample_cost: float = 0.0,
    most: int = 10_000,
) -> int:  # fmt: skip
    """The number of samples, 0 to `most`, of the greatest mean value over problems; the least of equal ones.

    It is finite even without a cost of samples where some problems are answered wrongly oftener than a penalty allows:
    easy problems are answered by the first samples, later ones answer the hard.
    """
    if most < 0:
        raise ValueError(f"most must be at least 0, got {most}")
    check(correct=correct, true_positive=true_positive, false_positive=false_positive)
    problems = np.broadcast_arrays(*(np.atleast_1d(x) for x in (correct, true_positive, false_positive)))
    columns = [np.ravel(x)[:, None] for x in problems]
    counts = np.arange(most + 1)
    worth = value(counts, **_all(*columns), penalty=penalty, sample_cost=sample_cost)
    return int(np.argmax(worth.mean(axis=0)))


def check(**probabilities: Real) -> None:
    """ValueError for a probability outside [0, 1]."""
    require_within(0, 1, **probabilities)


def _all(correct: Real, true_positive: Real, false_positive: Real) -> dict[str, Real]:
    return {"correct": correct, "true_positive": true_positive, "false_positive": false_positive}


CLAIMS = (
    Claim("Inference fLaws", "best-samples", "best number of samples, less than", "Stroebl, Kapoor, Narayanan, arXiv "
          "2411.17501, abstract: from measured rates of HumanEval and MBPP, which it does not print", "training", 10.0),
)  # fmt: skip
