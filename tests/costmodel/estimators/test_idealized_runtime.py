"""The idealized runtime: its law, its fit, the published points, and what our estimate says beside them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
from costmodel.estimators.idealized_runtime import fit, models, published, runtime_s, timed

OUTPUTS = (1, 2, 8, 64)
seconds = st.floats(1e-3, 10)


@given(seconds, seconds, seconds)
def test_a_fit_gives_back_the_law_it_was_made_from(first, longer, token):
    times = {p: [runtime_s(f, token, o) for o in OUTPUTS] for p, f in ((1, first), (512, longer))}
    found = fit(times, OUTPUTS)
    assert found.token_s == pytest.approx(token)
    assert found.runtime_s(512, 100) == pytest.approx(longer + 99 * token)


@pytest.mark.parametrize("model", models())
def test_the_law_holds_on_what_was_timed(model):
    """Every logged time within 12 ms or 4 %: what one slope for all prompts, rounded to a millisecond, leaves."""
    times = timed(model)
    law = fit(times, (1, 2, 4, 8, 12, 16, 24, 32, 48, 64))
    for prompt, row in times.items():
        for o, s in zip((1, 2, 4, 8, 12, 16, 24, 32, 48, 64), row, strict=True):
            assert law.runtime_s(prompt, o) == pytest.approx(s, rel=0.04, abs=0.012)


def test_ours_is_faster_than_that_software_of_2022():
    """gpt3-6.7b has the timed shape (32 layers of 4096) on one A100; ours is of today's servers."""
    law, a100 = published("j1_large"), cm.gpu("a100_sxm")
    tpot = cm.estimate(cm.zoo.build("gpt3-6.7b", phase="decode", context=512), "fp16", a100).tpot_s
    ttft = cm.estimate(cm.zoo.build("gpt3-6.7b", phase="prefill", context=1920), "fp16", a100).ttft_s
    assert 0.2 < tpot / law.token_s < 1
    assert 0.4 < ttft / law.first_token_s[1920] < 1.1


@pytest.mark.parametrize(
    "bad", [lambda: runtime_s(1.0, 0.1, 0), lambda: fit({}, OUTPUTS), lambda: fit({1: [1, 2]}, (2, 4))]
)
def test_bad_input_is_one_line(bad):
    with pytest.raises(ValueError, match=r"must be|needs"):
        bad()
