"""The exam's parts: plans of equal bytes, texts, metrics, intervals and verdicts."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from app.exam import docs
from app.exam.arms import assignments, cheapest
from app.exam.minilm import cosine_loss, own_is_nearest, rank_agreement, similarity_loss
from app.exam.subject import WIDTHS
from app.exam.summary import summarise

WEIGHTS = st.lists(st.integers(1, 2000), min_size=1, max_size=8)


@given(WEIGHTS, st.sampled_from([2, 3, 4]), st.integers(0, 9))
def test_arms_keep_within_the_uniform_bytes(weights, budget, seed):
    weights = np.array(weights)
    table = np.random.default_rng(seed).random((len(weights), len(WIDTHS)))
    arms = assignments({"plan": -np.sort(-table, axis=1)}, weights, budget, draws=2, seed=seed)
    for choice in arms.values():
        assert np.array(WIDTHS)[choice] @ weights <= budget * weights.sum()
    if budget == 2:
        assert all((choice == 0).all() for choice in arms.values())


@given(WEIGHTS, st.integers(0, 9))
def test_random_arms_leave_no_room_for_another_step(weights, seed):
    weights = np.array(weights)
    choice = assignments({}, weights, 3, draws=1, seed=seed)["random 0"]
    bits = np.array(WIDTHS)
    left = 3 * weights.sum() - bits[choice] @ weights
    for layer, option in enumerate(choice.tolist()):
        if option + 1 < len(WIDTHS):
            assert (bits[option + 1] - bits[option]) * weights[layer] > left


def test_the_cheapest_choice_counts_gains_as_nothing():
    table = np.array([[-5.0, -1.0, 0.0, 0.0, 0.0], [4.0, 1.0, 0.5, 0.2, 0.1]])
    assert cheapest(table, np.array([10, 10]), 3).tolist() == [0, 2]


@pytest.mark.long
def test_texts_are_of_different_modules_and_occur_once():
    calibration, test = docs.split(24, 256)
    assert (len(calibration), len(test)) == (24, 256)
    texts = [text for part in (calibration, test) for pair in part for text in pair]
    assert len(set(texts)) == len(texts) == 560
    assert docs.split(24, 256) == (calibration, test)
    assert all(summary.endswith(".") and len(paragraph.split()) >= 8 for summary, paragraph in test)


@pytest.mark.long
def test_too_few_texts_say_so():
    with pytest.raises(ValueError, match=r"give \d+ test pairs, 100000 are wanted"):
        docs.split(1, 100_000)


def unit_vectors(count, seed):
    x = torch.randn(count, 6, generator=torch.Generator().manual_seed(seed)).double()
    return torch.nn.functional.normalize(x, dim=1)


def test_rank_agreement_is_spearmans_of_each_row_without_the_diagonal():
    a, b = unit_vectors(12, 0), unit_vectors(12, 1)
    found = rank_agreement(a @ a.T, b @ b.T)
    for i in range(12):
        rows = [np.delete((m @ m.T)[i].numpy(), i) for m in (a, b)]
        assert found[i] == pytest.approx(stats.spearmanr(*rows).statistic)
    np.testing.assert_allclose(rank_agreement(a @ a.T, a @ a.T), 1.0)


def test_losses_and_retrieval_of_equal_embeddings():
    a = unit_vectors(9, 0)
    assert float(similarity_loss(a, a)) == float(cosine_loss(a, a).round(decimals=12)) == 0.0
    assert own_is_nearest(a @ a.T).all()
    assert own_is_nearest(a @ a.flip(0).T).sum() == 1  # the middle one alone


def sitting(subject, arms, repair=False, seed=0):
    count = 400
    metrics = {"digits": ("accuracy", "divergence"), "minilm": ("rank", "retrieval", "cosine")}[subject]
    random = np.random.default_rng(seed)
    full = {metric: np.ones(count) for metric in metrics}
    drawn = {
        arm: {metric: 1 - (random.random(count) < rate[metric]) for metric in metrics} for arm, rate in arms.items()
    }
    name = f"{subject}-seed{seed}" if subject == "digits" else subject
    common = {"subject": name, "activation": 8, "budget": 3, "repair": repair, "full": full}
    return common | {"arms": drawn, "bytes": dict.fromkeys(arms, 10.0)}


def rates(accuracy, divergence):
    return {"accuracy": accuracy, "divergence": divergence}


def test_verdicts_goal_and_misleading_proxies():
    arms = {
        "uniform": rates(0.3, 0.3), "plan": rates(0.1, 0.1), "hessian": rates(0.31, 0.2), "random 0": rates(0.9, 0.9),
        "random 1": rates(0.7, 0.7),
    }  # fmt: skip
    found = summarise([sitting("digits", arms, seed=seed) for seed in range(3)], resamples=300)
    rows = {(row["arm"], row["metric"]): row for row in found["rows"]}
    assert rows["plan", "accuracy"]["verdict"] == "better"
    assert rows["hessian", "accuracy"]["verdict"] == rows["uniform", "accuracy"]["verdict"] == "undecided"
    assert rows["random", "accuracy"]["verdict"] == "worse"
    assert rows["random", "accuracy"]["loss"] == pytest.approx(0.8, abs=0.03)
    assert rows["plan", "accuracy"]["low"] < rows["plan", "accuracy"]["loss"] < rows["plan", "accuracy"]["high"]
    assert rows["plan", "accuracy"]["difference_low"] > 0.1
    (goal,) = found["goal"]
    assert goal["met"] is True
    assert goal["ratio"] == pytest.approx(1 / 3, abs=0.06)
    assert {(row["arm"], row["proxy"], row["metric"]) for row in found["misleading"]} <= {
        ("hessian", "divergence", "accuracy")
    }


def test_where_uniform_loses_nothing_there_is_nothing_to_halve():
    same = rates(0.0, 0.0)
    found = summarise([sitting("digits", {"uniform": same, "plan": same, "random 0": same})], resamples=50)
    assert found["goal"][0]["met"] is None
    assert found["goal"][0]["ratio"] is None


def test_arms_of_several_sittings_of_one_network_are_joined():
    rate = dict.fromkeys(("rank", "retrieval", "cosine"), 0.2)
    parts = [sitting("minilm", {arm: rate}) for arm in ("uniform", "plan", "random 0", "plan refined")]
    found = summarise(parts, resamples=50)
    assert {row["arm"] for row in found["rows"]} == {"uniform", "plan", "random", "plan refined"}
    assert {row["networks"] for row in found["rows"]} == {1}
    assert {goal["arm"] for goal in found["goal"]} == {"plan", "plan refined"}


def test_what_chance_explains_is_no_misleading_proxy_and_no_ratio():
    near = {"uniform": rates(0.3, 0.3), "plan": rates(0.31, 0.1), "random 0": rates(0.9, 0.1)}
    found = summarise([sitting("digits", near, seed=seed) for seed in range(3)], resamples=300)
    assert {(row["arm"], row["metric"]) for row in found["misleading"]} == {("random", "accuracy")}
    none = {"uniform": rates(0.0, 0.0), "plan": rates(0.1, 0.1), "random 0": rates(0.1, 0.1)}
    for row in summarise([sitting("digits", none)], resamples=300)["rows"]:
        assert row["ratio_low"] is None
        assert row["ratio_high"] is None
