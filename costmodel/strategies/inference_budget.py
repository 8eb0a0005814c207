"""FLOPs of answering by more samples, search or revisions, and of a larger model that the same FLOPs would train.

Snell, Lee, Xu, Kumar, Scaling LLM Test-Time Compute Optimally can be More Effective than Scaling Model Parameters,
arXiv 2408.03314: training takes X = 6 N D_pre FLOPs, inference Y = 2 N D_inf. Attention to the context is left out,
as there; `costmodel.estimate` counts it.

params, tokens   of a model, and of its training or of an answer
ratio            R = D_inf / D_pre, tokens that a model reads and writes in its life over those that it was trained on
ValueError for counts below 0.
"""

import numpy as np

from costmodel.claim import Claim
from costmodel.record import Real
from costmodel.strategies.quiet_star import MARKS


def training_flops(params: Real, tokens: Real) -> Real:
    """X = 6 N D_pre."""
    _require_counts(params=params, tokens=tokens)
    return 6.0 * params * tokens


def inference_flops(params: Real, tokens: Real) -> Real:
    """Y = 2 N D_inf."""
    _require_counts(params=params, tokens=tokens)
    return 2.0 * params * tokens


def _require_counts(**counts: Real) -> None:
    """ValueError for a count that is negative or no number."""
    for name, given in counts.items():
        wrong = np.ravel(given)[~(np.ravel(given) >= 0)]
        if wrong.size:
            raise ValueError(f"{name} must be at least 0, got {wrong[0]}")


def matched_inference(larger: Real, ratio: Real) -> Real:
    """How many times its inference FLOPs a model may spend to match one `larger` times its size in training and use.

    k in X + k Y = M (X + Y): M + 3 (M - 1) / R. ValueError unless larger >= 1 and ratio > 0.
    """
    if not larger >= 1 or not ratio > 0:
        raise ValueError(f"larger >= 1 and ratio > 0 must hold, got {larger=}, {ratio=}")
    return larger + 3.0 * (larger - 1.0) / ratio


def best_of_n_flops(params: Real, tokens: Real, samples: Real, *, verifier_params: Real = 0.0) -> Real:
    """`samples` answers of so many tokens, each read once by a verifier; a majority vote has none."""
    _require_counts(samples=samples, verifier_params=verifier_params)
    return samples * inference_flops(params + verifier_params, tokens)


def beam_search_flops(
    params: Real, tokens: Real, beams: Real, expansions: Real, *, verifier_params: Real = 0.0
) -> Real:
    """`beams` prefixes, each continued `expansions` ways at every step, of which the verifier keeps as many as before.

    A step's tokens are written beams x expansions times, whatever the number of steps.
    """
    _require_counts(beams=beams, expansions=expansions)
    return best_of_n_flops(params, tokens, beams * expansions, verifier_params=verifier_params)


def lookahead_flops(
    params: Real, tokens: Real, beams: Real, expansions: Real, steps_ahead: Real, *, verifier_params: Real = 0.0
) -> Real:
    """Beam search whose every step is judged by rolling it out so many steps further: (1 + steps_ahead) times."""
    _require_counts(steps_ahead=steps_ahead)
    return (1.0 + steps_ahead) * beam_search_flops(params, tokens, beams, expansions, verifier_params=verifier_params)


def revision_flops(params: Real, tokens: Real, revisions: Real, *, kept: Real = 0.0) -> Real:
    """An answer and so many revisions, each after reading `kept` earlier answers anew (0 where their cache is kept)."""
    _require_counts(revisions=revisions, kept=kept)
    return inference_flops(params, tokens * (1.0 + revisions * (1.0 + kept)))


def tree_search_flops(params: Real, tokens: Real, width: Real, *, reward_params: Real = 0.0) -> Real:
    """REBASE: a tree whose every depth expands `width` nodes in all, shared by reward; each node's tokens are scored.

    Wu et al., Inference Scaling Laws, arXiv 2408.00724: the width is the budget, whatever the tree's shape.
    """
    _require_counts(width=width)
    return best_of_n_flops(params, tokens, width, verifier_params=reward_params)


def thought_flops(params: Real, tokens: Real, thought_tokens: Real) -> Real:
    """Quiet-STaR: before each of `tokens` tokens the model writes a thought between two marks, then the token.

    Zelikman et al., arXiv 2403.09629: every position of the text is followed by a thought of its own.
    """
    _require_counts(thought_tokens=thought_tokens)
    return inference_flops(params, tokens * (1.0 + thought_tokens + MARKS))


_ABSTRACT = "Snell, Lee, Xu, Kumar, arXiv 2408.03314, abstract"
_QUIET = "Abdelhameed, Halim, Inference Scaling vs Reasoning, arXiv 2412.16260, abstract: Mistral-7B on GSM8K"


CLAIMS = (
    Claim("Test-time compute", "efficiency", "compute-optimal over best of N, more than", _ABSTRACT, "training", 4.0),
    Claim("Test-time compute", "model-size", "size of the model that it matches", _ABSTRACT,
          "training", 14.0),
    Claim("Quiet-STaR and REBASE", "quiet-star-flops", "TFLOPs of Quiet-STaR", _QUIET, "hardware", 12.73),
    Claim("Quiet-STaR and REBASE", "quiet-star-time", "s of Quiet-STaR", _QUIET, "hardware", 554.66),
    Claim("Quiet-STaR and REBASE", "rebase-flops", "TFLOPs of REBASE", _QUIET, "hardware", 2.35),
    Claim("Quiet-STaR and REBASE", "rebase-time", "s of REBASE", _QUIET, "hardware", 8.47),
    Claim("Quiet-STaR and REBASE", "combined-time", "s of both together", _QUIET, "hardware", 143.66),
)  # fmt: skip
