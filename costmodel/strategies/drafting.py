"""What drafted decoding gains and costs where every draft token is accepted with one probability.

Leviathan, Kalman, Matias, Fast Inference from Transformers via Speculative Decoding, arXiv 2211.17192: tokens of a
round (equation 1), speed-up (theorem 3.8), operations (theorem 3.11).
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel.bounds import require_at_least, require_within
from costmodel.claim import Claim
from costmodel.record import Real


def expected_tokens(acceptance_rate: Real, draft_tokens: Real) -> Real:
    """Mean tokens of a round, (1 - a^(K + 1)) / (1 - a): accepted ones and the target's own.

    ValueError for a rate outside [0, 1] or fewer tokens than none.
    """
    require_within(0, 1, acceptance_rate=acceptance_rate)
    require_at_least(0, draft_tokens=draft_tokens)
    a, k = np.asarray(acceptance_rate, dtype=np.float64), np.asarray(draft_tokens)
    sure = a == 1
    return np.where(sure, k + 1.0, (1.0 - a ** (k + 1)) / np.where(sure, 1.0, 1.0 - a))[()]


def acceptance(target: ArrayLike, draft: ArrayLike) -> NDArray[np.float64]:
    """Probability that a token which the draft samples is accepted, at each place: the sum of the lesser of both.

    target, draft  float[..., vocabulary], the probabilities that the models give each token there

    Corollary 3.6 of the paper; of a text's places it is the trace that `specdec_plus_plus` takes. ValueError for shapes
    that differ, and for rows that are no probabilities.
    """
    p, q = (np.asarray(rows, dtype=np.float64) for rows in (target, draft))
    if p.shape != q.shape or not p.size:
        raise ValueError(f"target and draft must have one shape, got {p.shape} and {q.shape}")
    for name, rows in (("target", p), ("draft", q)):
        if not (np.all(rows >= 0) and np.allclose(rows.sum(axis=-1), 1.0, atol=1e-3)):
            raise ValueError(f"{name} must hold probabilities that sum to 1 at each place")
    return np.asarray(np.minimum(np.minimum(p, q).sum(axis=-1), 1.0))


def speedup(acceptance_rate: Real, draft_tokens: Real, draft_cost: Real) -> Real:
    """Time of plain decoding over that of drafted, where a draft pass takes `draft_cost` of a target pass.

    ValueError for a cost below 0, and as of `expected_tokens`.
    """
    require_at_least(0, draft_cost=draft_cost)
    return expected_tokens(acceptance_rate, draft_tokens) / (1.0 + draft_tokens * draft_cost)


def operations(acceptance_rate: Real, draft_tokens: Real, draft_cost: Real) -> Real:
    """Operations of drafted decoding over plain; a draft pass has `draft_cost` of a target pass's. Errors as there."""
    require_at_least(0, draft_cost=draft_cost)
    return (draft_tokens * draft_cost + draft_tokens + 1.0) / expected_tokens(acceptance_rate, draft_tokens)


_SYSTEM, _PAPER = "Speculative decoding", "Leviathan, Kalman, Matias, arXiv 2211.17192"

TABLE_1 = (
    (0.6, 2, 1.53, 1.96), (0.7, 3, 1.58, 2.53), (0.8, 2, 1.23, 2.44),
    (0.8, 5, 1.63, 3.69), (0.9, 2, 1.11, 2.71), (0.9, 10, 1.60, 6.86),
)  # fmt: skip
"""Acceptance rate, draft tokens; operations and speed-up where a draft costs nothing."""

TABLE_4 = (
    ("ende-small-0", 7, 0.75, 0.02, 3.2, 3.4), ("ende-base-0", 7, 0.80, 0.04, 3.3, 2.8),
    ("ende-large-0", 7, 0.82, 0.11, 2.5, 1.7), ("ende-small-1", 7, 0.62, 0.02, 2.3, 2.6),
    ("ende-base-1", 5, 0.68, 0.04, 2.4, 2.4), ("ende-large-1", 3, 0.71, 0.11, 2.0, 1.4),
    ("cnndm-small-0", 5, 0.65, 0.02, 2.4, 3.1), ("cnndm-base-0", 5, 0.73, 0.04, 2.6, 3.0),
    ("cnndm-large-0", 3, 0.74, 0.11, 2.0, 2.2), ("cnndm-small-1", 5, 0.53, 0.02, 1.9, 2.3),
    ("cnndm-base-1", 3, 0.55, 0.04, 1.8, 2.2), ("cnndm-large-1", 3, 0.56, 0.11, 1.6, 1.7),
)  # fmt: skip
"""Task, T5 that drafts for T5-XXL, temperature; draft tokens, acceptance rate, cost; speed-up expected, measured."""


def _claims() -> Iterator[Claim]:
    for a, k, more, faster in TABLE_1:
        name, source = f"{a} accepted of {k}", f"{_PAPER}, table 1"
        done, gained = partial(operations, a, k, 0.0), partial(speedup, a, k, 0.0)
        yield Claim(_SYSTEM, f"operations-{a}-{k}", f"operations, {name}", source, "analytic", more, done, rtol=5e-3)
        yield Claim(_SYSTEM, f"speed-{a}-{k}", f"speed-up, {name}", source, "analytic", faster, gained, rtol=5e-3)
    for name, k, a, cost, expected, measured in TABLE_4:
        source = f"{_PAPER}, table 4: speed-ups have one decimal, acceptance rates and costs two"
        told, gained, rtol = f"expected speed-up, {name}", partial(speedup, a, k, cost), 0.05 / expected + 0.01
        yield Claim(_SYSTEM, f"expected-{name}", told, source, "analytic", expected, gained, rtol)
        yield Claim(_SYSTEM, f"measured-{name}", f"measured speed-up, {name}", source, "hardware", measured)
    bigram = partial(speedup, 0.2, 3, 0.0)
    told, source = "speed-up, bigrams draft 3 tokens", f"{_PAPER}, section 3.6"
    yield Claim(_SYSTEM, "bigram", told, source, "analytic", 1.25, bigram, rtol=5e-3)


CLAIMS = tuple(_claims())
