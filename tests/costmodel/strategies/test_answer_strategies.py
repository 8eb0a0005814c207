"""Strategies of answers: what they cost is their accounting's FLOPs, and what they are worth the laws of samples."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import costmodel as cm
from costmodel.quality import majority_vote, resampling
from costmodel.strategies import BestOfN, EarlyStop, QuietSTaR, Resampling, Revisions, VerifiedSearch, compose, strategy
from costmodel.strategies import inference_budget as budget
from costmodel.workload.answers import Answers, sampled

DECODE = cm.zoo.build("llama-3.2-1b", phase="decode", batch=2, context=200)
ASKED = cm.Workload(**{**vars(DECODE), "answers": sampled(0.4)})
PREFILL = cm.zoo.build("llama-3.2-1b", phase="prefill", context=64)
shares = st.floats(0.0, 1.0)
counts = st.integers(1, 40)


def _macs(net):
    """Of weights alone, which are what the accounting of papers counts."""
    return sum(op.macs for op in net.ops if op.kind == "linear")


ONE = budget.inference_flops(_macs(DECODE) / 2, 1) / 2
"""MACs of weights of one token of one sequence: the parameters that multiply, once each."""


@settings(max_examples=10)
@given(st.integers(2, 16), st.integers(1, 64), st.integers(0, 3))
def test_a_search_has_the_products_of_its_accounting(width, step_tokens, ahead):
    found = VerifiedSearch(width, step_tokens, "llama-3.2-1b", ahead)(DECODE)
    expected = budget.lookahead_flops(ONE, 1, width, 1, ahead, verifier_params=ONE)
    assert 2 * _macs(found) / DECODE.batch == pytest.approx(expected, rel=1e-9)
    assert found.batch == width * DECODE.batch


def test_thoughts_and_revisions_have_the_products_of_their_accounting():
    for found, flops in (
        (QuietSTaR(8)(DECODE), budget.thought_flops(ONE, 1, 8)),
        (Revisions(3)(DECODE), budget.revision_flops(ONE, 1, 3)),
        (BestOfN(5)(DECODE), budget.best_of_n_flops(ONE, 1, 5)),
    ):
        assert 2 * _macs(found) / DECODE.batch == pytest.approx(flops, rel=1e-9)


@settings(max_examples=20)
@given(counts, shares)
@example(33, 0.96875)
def test_an_early_stop_answers_as_the_vote_does_for_no_more_samples(samples, correct):
    vote, stop = BestOfN(samples), EarlyStop(samples, (correct,))
    asked = cm.Workload(**{**vars(DECODE), "answers": sampled(correct)})
    assert stop(asked).answers == vote(asked).answers
    assert _macs(stop(asked)) <= _macs(vote(asked)) * (1 + 1e-9)
    assert EarlyStop(samples)(asked).ops == stop(asked).ops, "the workload's own answers are those of no given ones"


@settings(max_examples=40)
@given(counts, shares, shares, shares)
def test_resampling_costs_its_mean_samples_and_is_worth_what_the_law_says(samples, correct, true, false):
    found = Resampling(samples, true, false, (correct,))(ASKED)
    rates = {"correct": correct, "true_positive": true, "false_positive": false}
    if true == false == 1:
        assert found is ASKED
        return
    drawn = resampling.expected_samples(samples, **rates)
    assert _macs(found) == pytest.approx(drawn * _macs(ASKED), rel=1e-9)
    worth = found.answers.right - 2 * found.answers.wrong
    assert worth == pytest.approx(resampling.value(samples, **rates, penalty=2.0), abs=1e-9)


def test_a_verifier_that_is_a_model_reads_every_sample():
    free, paid = (Resampling(6, 0.9, 0.1, (0.3,), verifier, 32)(DECODE) for verifier in ("", "llama-3.2-1b"))
    assert _macs(paid) == pytest.approx(2 * _macs(free))
    assert paid.answers == free.answers
    assert sum(op.params for op in paid.ops) == pytest.approx(2 * sum(op.params for op in free.ops))


def test_of_problems_that_differ_the_best_number_of_samples_is_within():
    """Easy problems are answered by the first samples, later ones are wrong on the hard."""
    easy_and_hard = (0.3, 0.002)
    worth = [
        found.right - 2 * found.wrong
        for n in range(1, 40)
        if (found := Resampling(n, 1.0, 0.05, easy_and_hard)(DECODE).answers)
    ]
    best = resampling.best_samples(correct=np.array(easy_and_hard), true_positive=1.0, false_positive=0.05, penalty=2.0)
    assert 1 < int(np.argmax(worth)) + 1 == best == 3


def test_answers_follow_each_other():
    voted_then_checked = compose(BestOfN(5), Resampling(4, 1.0, 0.1))(ASKED)
    voted = majority_vote.majority_accuracy(5, 0.4)
    alone = Resampling(4, 1.0, 0.1, (voted,))(ASKED)
    assert voted_then_checked.answers == alone.answers
    assert Revisions(1)(ASKED).answers is None
    assert VerifiedSearch(4)(ASKED).answers is None


@pytest.mark.parametrize(
    ("spelled", "says"),
    [
        ("early_stop:samples=0", "samples must be a whole number of at least 1, got 0"),
        ("early_stop:correct=1.5", r"correct must be within \[0, 1\], got 1.5"),
        ("resampling:false_positive=-0.1", r"false_positive must be within \[0, 1\], got -0.1"),
        ("resampling:correct=0.5;2", "got 2"),
        ("resampling:verifier=lama-3.2-1b", "did you mean llama-3.2-1b"),
        ("resampling:answer_tokens=0", "answer_tokens must be at least 1, got 0"),
        ("revisions:revisions=-1", "revisions must be at least 0, got -1"),
        ("quiet_star:thought_tokens=-1", "thought_tokens must be at least 0, got -1"),
        ("verified_search:width=0", "width must be a whole number of at least 1, got 0"),
        ("verified_search:ahead=-1", "ahead must be a whole number of at least 0, got -1"),
        ("verified_search:verifier=lama-3.2-1b", "did you mean llama-3.2-1b"),
        ("verified_search:verifier=resnet50", "a verifier is a language model, resnet50 is a vision network"),
        ("resampling:verifier=whisper-tiny", "a verifier reads and writes tokens alone, whisper-tiny has an encoder"),
        ("verified_search:verifier=nope", "unknown verifier 'nope'; known: deepseek"),
    ],
)
def test_bad_input_is_one_line(spelled, says):
    with pytest.raises(ValueError, match=says) as error:
        strategy(spelled)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("spelled", ["early_stop", "resampling", "revisions", "quiet_star"])
def test_what_writes_no_answer_is_refused(spelled):
    with pytest.raises(ValueError, match="only a decode"):
        strategy(spelled)(cm.Workload(**{**vars(PREFILL), "answers": sampled(0.4)}))


@pytest.mark.parametrize("spelled", ["early_stop", "resampling"])
def test_how_often_a_sample_is_right_must_be_said(spelled):
    with pytest.raises(ValueError, match=f"{spelled} needs how often a sample is right, correct, and llama-3.2-1b"):
        strategy(spelled)(DECODE)


def test_probabilities_are_probabilities():
    with pytest.raises(ValueError, match="at most 1 in all"):
        Answers(0.7, 0.7)
    with pytest.raises(ValueError, match=r"got -0\.1"):
        sampled(-0.1)
