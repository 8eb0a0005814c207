import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.catalog import UnknownNameError
from dse.metric import METRICS, latency_s, parse_budget, throughput_per_s, weight_bytes


@pytest.mark.parametrize(
    ("text", "name", "sense", "limit"),
    [
        ("lut<=200e3", "lut", "<=", 200e3),
        (" latency_s <= 12ms ", "latency_s", "<=", 0.012),
        ("weight_bytes<=25MB", "weight_bytes", "<=", 25e6),
        ("weight_bytes<=25M", "weight_bytes", "<=", 25e6),
        ("energy_j<=3uJ", "energy_j", "<=", 3e-6),
        ("throughput_per_s>=2k/s", "throughput_per_s", ">=", 2000.0),
        ("dsp<=0", "dsp", "<=", 0.0),
        ("weight_bytes<=9MiB", "weight_bytes", "<=", 9 * 2**20),
        ("weight_bytes<=0.5GiB", "weight_bytes", "<=", 2**29),
    ],
)
def test_spellings(text, name, sense, limit):
    budget = parse_budget(text)
    assert (budget.metric.name, budget.sense) == (name, sense)
    assert budget.limit == pytest.approx(limit, rel=1e-12)


def test_comparison_makes_the_budget_that_its_text_reads_back():
    for budget in (latency_s <= 0.012, weight_bytes <= 4e9, throughput_per_s >= 30):
        assert parse_budget(str(budget)) == budget


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lut", "like lut<=200e3"),
        ("lut<5", "like lut<=200e3"),
        ("lut<=", "like lut<=200e3"),
        ("lut<=five", "like lut<=200e3"),
        ("lut<=1e999", "finite"),
        ("weight_bytes<=nan", "weight_bytes must be a finite number of at least 0, got nan"),
        ("latency_s<=inf", "latency_s must be a finite number of at least 0, got inf"),
        ("lut<=-5", "at least 0"),
        ("lut<=1.2.3", "like lut<=200e3"),
        ("lut<=5MB", "plain counts"),
        ("lut<=5MiB", "plain counts"),
        ("lut<=5Mi", "Mi is no unit; lut is in plain counts, got 'lut<=5Mi'"),
        ("weight_bytes<=1parsec", "parsec is no unit; weight_bytes is in B, got 'weight_bytes<=1parsec'"),
        ("weight_bytes<=9gb", "gb is no unit, did you mean GB?; weight_bytes is in B"),
        ("latency_s <= 5 parsec", "parsec is no unit; latency_s is in s"),
        ("latency_s<=5ms ms", "like lut<=200e3"),
        ("latency_s<=5MB", "in s"),
        ("lut>=5", "<="),
        ("throughput_per_s<=5", ">="),
    ],
)
def test_bad_budgets_say_what_is_wrong(text, says):
    with pytest.raises(ValueError) as caught:
        parse_budget(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_typo_lists_near_metrics():
    with pytest.raises(UnknownNameError, match="weight_bytes"):
        parse_budget("wieght_bytes<=3")


def test_a_budget_is_the_decimal_that_it_is_written_as():
    for text, limit in (("2.3GB", 2.3e9), ("4.35k", 4350.0), ("0.29MB", 290e3), ("1.5KiB", 1536.0)):
        assert parse_budget(f"weight_bytes<={text}").limit == limit


def test_sums_of_decimals_keep_the_budget_that_they_round_to():
    assert 0.1 + 0.2 > 0.3
    assert (latency_s <= 0.3).met(0.1 + 0.2)
    assert not (latency_s <= 0.3).met(0.3 * (1 + 1e-9))
    assert (throughput_per_s >= 0.8).met(0.1 * 3 + 0.5 - 2e-16)
    assert not (throughput_per_s >= 0.8).met(0.8 * (1 - 1e-9))
    assert (latency_s <= 0.3).met(np.array([0.1 + 0.2, 0.31])).tolist() == [True, False]


@given(st.text(max_size=30))
def test_any_text_is_a_budget_or_a_value_error(text):
    try:
        budget = parse_budget(text)
    except ValueError:
        return
    assert math.isfinite(budget.limit)
    assert budget.metric.name in METRICS


@pytest.mark.parametrize("limit", ["12ms", None, [1.0], True, np.bool_(True)])
def test_a_metric_is_compared_with_a_number(limit):
    with pytest.raises(TypeError, match="lut is compared with a number, got"):
        METRICS["lut"] <= limit  # noqa: B015
