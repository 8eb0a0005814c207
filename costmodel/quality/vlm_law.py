"""The error of a vision-language model from its language model's size and the tokens an image takes.

Li et al., Inference Optimal VLMs Need Fewer Visual Tokens and More Parameters, arXiv 2411.03312. The 28
points are those of locuslab/llava-token-compression, scaling_law_code/values.py (average scores of downstream tasks),
whose objective.py has the law and counts FLOPs; the constants below are a least-squares fit to them, made by `fit`.
"""

import numpy as np
from numpy.typing import NDArray

from costmodel.bounds import require_above, require_at_least
from costmodel.claim import Claim
from costmodel.record import Real

PARAMS = (0.5e9, 1.8e9, 4e9, 7e9)
VISUAL_TOKENS = (1, 4, 16, 36, 64, 144, 576)
SCORES = (
    (0.3855, 0.3917, 0.4078, 0.4133, 0.4151, 0.4244, 0.4320),
    (0.4333, 0.4519, 0.4528, 0.4597, 0.4609, 0.4758, 0.4808),
    (0.4630, 0.4692, 0.4858, 0.4916, 0.5023, 0.5092, 0.5185),
    (0.4810, 0.4971, 0.5050, 0.5141, 0.5172, 0.5238, 0.5354),
)
"""A row a size, a column a number of tokens; the error is what is missing to 1."""

A, N_POWER, V_POWER = 0.590771, 0.0709375, 0.0151016
"""Error of 1e9 parameters on one token, and the powers of size and of tokens."""

TEXT_TOKENS = 50
"""Tokens of a question; 0 where its cache is there already."""


def error(*, params: Real, visual_tokens: Real) -> Real:
    """Downstream error, 0 to 1: a / (params / 1e9)^b / tokens^c. Arrays broadcast.

    Fitted on 0.5e9 to 7e9 parameters and 1 to 576 tokens; beyond that it extrapolates. ValueError unless both are
    above 0.
    """
    require_above(0, params=params, visual_tokens=visual_tokens)
    return A / (params / 1e9) ** N_POWER / visual_tokens**V_POWER


def flops(*, params: Real, visual_tokens: Real, text_tokens: Real = TEXT_TOKENS) -> Real:
    """FLOPs of a prefill, two a parameter and token; ValueError for numbers below 0."""
    require_at_least(0, params=params, visual_tokens=visual_tokens, text_tokens=text_tokens)
    return 2.0 * params * (text_tokens + visual_tokens)


def params_at(flops: Real, *, visual_tokens: Real, text_tokens: Real = TEXT_TOKENS) -> Real:
    """Parameters that the same FLOPs pay for on so many tokens; ValueError for numbers below 0, or no token."""
    require_at_least(0, flops=flops, visual_tokens=visual_tokens, text_tokens=text_tokens)
    require_above(0, tokens=text_tokens + visual_tokens)
    return flops / (2.0 * (text_tokens + visual_tokens))


def best_tokens(text_tokens: Real, *, n_power: float = N_POWER, v_power: float = V_POWER) -> Real:
    """Visual tokens of the least error at any given FLOPs, at least 1: Q c / (b - c), whatever the FLOPs.

    At fixed FLOPs the error goes as (Q + V)^b V^-c, whose derivative by V is 0 there. ValueError unless size has the
    larger power: else more tokens are always better; and for tokens below 0.
    """
    require_at_least(0, text_tokens=text_tokens)
    if not n_power > v_power > 0:
        raise ValueError(f"n_power > v_power > 0 must hold, got {n_power=}, {v_power=}")
    return np.maximum(1.0, text_tokens * v_power / (n_power - v_power))


def fit(params: NDArray[np.float64], tokens: NDArray[np.float64], errors: NDArray[np.float64]) -> tuple[float, ...]:
    """Least squares of a, b, c: float64[points] each; Gauss and Newton's steps from the fit of the logarithms."""
    size, log_n, log_v = np.ones_like(errors), np.log(params / 1e9), np.log(tokens)
    terms = np.stack([size, -log_n, -log_v], axis=1)
    found = np.linalg.lstsq(terms, np.log(errors), rcond=None)[0]
    for _ in range(20):
        predicted = np.exp(terms @ found)
        step = np.linalg.lstsq(terms * predicted[:, None], errors - predicted, rcond=None)[0]
        found = found + step
    return float(np.exp(found[0])), float(found[1]), float(found[2])


def _refit() -> tuple[float, ...]:
    sizes, tokens = np.meshgrid(PARAMS, np.array(VISUAL_TOKENS, dtype=np.float64), indexing="ij")
    return fit(sizes.ravel(), tokens.ravel(), 1.0 - np.array(SCORES).ravel())


_REPO = "locuslab/llava-token-compression, scaling_law_code/objective.py"

CLAIMS = (
    Claim("Inference-optimal VLM", "n-power", "power of the size, as its figure's legend says", _REPO, "analytic",
          0.077, lambda: _refit()[1], rtol=0.1, how="refit"),
    Claim("Inference-optimal VLM", "v-power", "power of the visual tokens, as its figure's legend says", _REPO,
          "analytic", 0.015, lambda: _refit()[2], rtol=0.1, how="refit"),
    Claim("Inference-optimal VLM", "ratio", "how much more error reacts to size than to tokens",
          "locuslab/llava-token-compression, README.md", "analytic", 5.0, lambda: _refit()[1] / _refit()[2], rtol=0.1,
          how="refit"),
    Claim("Inference-optimal VLM", "best-tokens-50", "visual tokens of the best line with a question of 50 tokens",
          _REPO, "analytic", 14.0, lambda: float(best_tokens(50, n_power=_refit()[1], v_power=_refit()[2])), rtol=0.1,
          how="refit"),
    Claim("Inference-optimal VLM", "best-tokens-0", "visual tokens of the best line where the question is cached",
          _REPO, "analytic", 1.0, lambda: float(best_tokens(0)), rtol=0.0, how="definition"),
)  # fmt: skip
