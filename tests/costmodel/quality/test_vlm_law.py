"""The law of visual tokens: what it fits, and that its best number of tokens is one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.quality.vlm_law import (
    N_POWER,
    PARAMS,
    SCORES,
    V_POWER,
    VISUAL_TOKENS,
    A,
    best_tokens,
    error,
    fit,
    flops,
    params_at,
)

SIZES, TOKENS = np.meshgrid(PARAMS, np.array(VISUAL_TOKENS, dtype=float), indexing="ij")


def test_it_fits_every_point_within_two_per_cent() -> None:
    predicted = error(params=SIZES, visual_tokens=TOKENS)
    np.testing.assert_allclose(predicted, 1 - np.array(SCORES), rtol=0.02)


def test_the_constants_are_the_fit() -> None:
    found = fit(SIZES.ravel(), TOKENS.ravel(), 1 - np.array(SCORES).ravel())
    assert found == pytest.approx((A, N_POWER, V_POWER), rel=1e-4)


def test_no_constants_fit_better() -> None:
    errors = 1 - np.array(SCORES)
    least = ((error(params=SIZES, visual_tokens=TOKENS) - errors) ** 2).sum()
    for a, b, c in np.random.default_rng(0).normal(1.0, 0.02, (200, 3)):
        other = a * A / (SIZES / 1e9) ** (b * N_POWER) / TOKENS ** (c * V_POWER)
        assert ((other - errors) ** 2).sum() >= least - 1e-9


@given(st.floats(1, 500), st.floats(1e12, 1e15))
def test_the_best_tokens_lose_least_at_any_flops(text: float, budget: float) -> None:
    tokens = np.geomspace(1, 5000, 4001)
    losses = error(params=params_at(budget, visual_tokens=tokens, text_tokens=text), visual_tokens=tokens)
    best = float(best_tokens(text))
    assert tokens[np.argmin(losses)] == pytest.approx(best, rel=0.01)
    size = params_at(budget, visual_tokens=best, text_tokens=text)
    assert flops(params=size, visual_tokens=best, text_tokens=text) == pytest.approx(budget)


def test_powers_that_always_ask_for_more_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match=r"n_power > v_power > 0 must hold, got n_power=0\.01"):
        best_tokens(50, n_power=0.01)
