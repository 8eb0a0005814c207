"""Formulas of the quality laws and of drafting refuse numbers that mean nothing, in one line."""

import numpy as np
import pytest

from costmodel.bounds import require_above, require_at_least, require_within
from costmodel.quality import fp_quantization, vlm_law
from costmodel.strategies import drafting

FORMAT = {"exponent_bits": 4, "mantissa_bits": 3}


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda: fp_quantization.loss(params=-1, tokens=1e9, **FORMAT), "params must be above 0, got -1"),
        (lambda: fp_quantization.loss(params=0, tokens=1e9, **FORMAT), "params must be above 0, got 0"),
        (lambda: fp_quantization.loss(params=1e9, tokens=0, **FORMAT), "tokens must be above 0, got 0"),
        (
            lambda: fp_quantization.loss(params=1e9, tokens=1e9, exponent_bits=-1, mantissa_bits=3),
            "exponent_bits must be at least 0, got -1",
        ),
        (
            lambda: fp_quantization.loss(params=1e9, tokens=1e9, block=np.array([8, 0]), **FORMAT),
            "block must be at least 1, got 0",
        ),
        (lambda: fp_quantization.critical_tokens(params=0, **FORMAT), "params must be above 0"),
        (
            lambda: fp_quantization.critical_tokens(params=1e9, exponent_bits=4, mantissa_bits=-2),
            "mantissa_bits must be at least 0, got -2",
        ),
        (lambda: fp_quantization.best_bits(-1e9), "tokens must be above 0"),
        (lambda: vlm_law.error(params=1e9, visual_tokens=0), "visual_tokens must be above 0, got 0"),
        (lambda: vlm_law.error(params=-1e9, visual_tokens=1), "params must be above 0"),
        (lambda: vlm_law.flops(params=1e9, visual_tokens=-60), "visual_tokens must be at least 0, got -60"),
        (lambda: vlm_law.params_at(1e12, visual_tokens=-60), "visual_tokens must be at least 0, got -60"),
        (lambda: vlm_law.params_at(1e12, visual_tokens=0, text_tokens=0), "tokens must be above 0, got 0"),
        (lambda: vlm_law.best_tokens(-50), "text_tokens must be at least 0, got -50"),
        (lambda: drafting.expected_tokens(1.5, 4), r"acceptance_rate must be within \[0, 1\], got 1.5"),
        (lambda: drafting.expected_tokens(0.5, np.array([1, -4])), "draft_tokens must be at least 0, got -4"),
        (lambda: drafting.speedup(0.7, 4, -1), "draft_cost must be at least 0, got -1"),
        (lambda: drafting.operations(0.7, 4, -1), "draft_cost must be at least 0, got -1"),
        (lambda: require_within(0, 1, share=float("nan")), r"share must be within \[0, 1\], got nan"),
    ],
)
def test_what_means_nothing_is_refused(act, says):
    with pytest.raises(ValueError, match=f"^{says}"):
        act()


def test_bounds_themselves_are_within_but_for_what_must_be_above():
    require_within(0, 1, share=np.array([0.0, 1.0]))
    require_at_least(0, count=0)
    with pytest.raises(ValueError, match="count must be above 0, got 0"):
        require_above(0, count=np.array([1, 0]))
