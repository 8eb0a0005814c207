"""FLOPs of answers, by more of them or by a larger model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.strategies import inference_budget as budget
from costmodel.strategies import strategy

sizes = st.floats(1e6, 1e12)


@given(sizes, sizes, st.floats(1, 100), st.floats(1e-3, 1e3))
def test_the_multiplier_makes_both_budgets_equal(params, trained, larger, ratio):
    used = ratio * trained
    x, y = budget.training_flops(params, trained), budget.inference_flops(params, used)
    k = budget.matched_inference(larger, ratio)
    assert x + k * y == pytest.approx(larger * (x + y))


def test_a_model_that_is_used_much_gains_less():
    ks = [budget.matched_inference(14, ratio) for ratio in (0.1, 1, 10, 1e6)]
    assert ks == sorted(ks, reverse=True)
    assert ks[-1] == pytest.approx(14, rel=1e-4)
    assert budget.matched_inference(1, 0.5) == 1


def test_one_sample_is_one_answer_and_searches_add_up():
    one = budget.inference_flops(7e9, 500)
    assert budget.best_of_n_flops(7e9, 500, 1) == one
    assert budget.revision_flops(7e9, 500, 0) == one
    assert budget.revision_flops(7e9, 500, 3) == budget.best_of_n_flops(7e9, 500, 4)
    assert budget.thought_flops(7e9, 500, 8) == 11 * one
    assert budget.beam_search_flops(7e9, 500, 4, 4) == budget.tree_search_flops(7e9, 500, 16) == 16 * one
    assert budget.lookahead_flops(7e9, 500, 4, 4, 3) == 64 * one
    assert budget.best_of_n_flops(7e9, 500, 8, verifier_params=7e9) == 16 * one


@pytest.mark.parametrize(("larger", "ratio"), [(0.5, 1), (14, 0), (14, -1), (float("nan"), 1)])
def test_what_is_no_ratio_is_one_line(larger, ratio):
    with pytest.raises(ValueError, match="must hold"):
        budget.matched_inference(larger, ratio)


@pytest.mark.parametrize("samples", ["0", "-3", "1.5"])
def test_fewer_than_one_sample_is_one_line(samples):
    with pytest.raises(ValueError, match="samples must be a whole number") as error:
        strategy(f"best_of_n:samples={samples}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: budget.best_of_n_flops(8e9, 100, -3), "samples must be at least 0, got -3"),
        (lambda: budget.thought_flops(8e9, 100, -9), "thought_tokens must be at least 0, got -9"),
        (lambda: budget.tree_search_flops(8e9, 100, float("nan")), "width must be at least 0, got nan"),
        (lambda: budget.beam_search_flops(8e9, 100, -2, -2), "beams must be at least 0, got -2"),
        (lambda: budget.inference_flops(-1, 100), "params must be at least 0, got -1"),
    ],
)
def test_counts_below_none_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        wrong()
