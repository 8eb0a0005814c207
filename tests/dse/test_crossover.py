import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
from dse.crossover import crossovers, undecided


@given(st.floats(0.1, 10), st.floats(0.1, 10), st.floats(1.0, 90.0))
def test_two_lines_cross_where_algebra_says(slope, base, at):
    (found,) = crossovers(lambda x: 2 * slope * x + base, lambda x: slope * (x + at) + base, [0.0, 30.0, 60.0, 100.0])
    assert found.at == pytest.approx(at, rel=1e-9)
    assert (found.before, found.after) == ("first", "second")
    assert found.value == pytest.approx(2 * slope * at + base, rel=1e-6)


@given(st.integers(2, 99), st.floats(0.01, 0.99))
def test_on_whole_numbers_it_is_the_first_strictly_lower(at, part):
    edge = at - part
    (found,) = crossovers(lambda x: x, lambda x: np.full_like(x, edge), np.array([1.0, 100.0]), whole=True)
    assert found.at == at
    (tied,) = crossovers(lambda x: x, lambda x: np.full_like(x, at), np.array([1.0, 101.0]), whole=True)
    assert tied.at == at + 1


def test_every_change_is_found_and_touching_is_none():
    waves = crossovers(np.sin, lambda x: 0 * x, np.linspace(0.5, 10, 40))
    np.testing.assert_allclose([c.at for c in waves], np.pi * np.arange(1, 4), rtol=1e-9)
    assert [c.before for c in waves] == ["second", "first", "second"]
    assert crossovers(lambda x: (x - 1) ** 2, lambda x: 0 * x, [0.0, 1.0, 2.0]) == ()
    assert crossovers(lambda x: x, lambda x: x, [0.0, 1.0]) == ()


def test_weight_only_overtakes_int8_where_the_estimates_say():
    gpu, model = cm.gpu("a100_sxm"), cm.zoo.llama("3.1-8b")

    def at(precision):
        def seconds(batches):
            passes = [cm.decode(model, batch=int(b), context=512) for b in batches]
            return np.array([cm.estimate(p, cm.precision(precision), gpu).tpot_s for p in passes])

        return seconds

    found = crossovers(at("w4a16"), at("w8a8"), [1.0, 16.0, 64.0, 256.0], names=("w4a16", "w8a8"), whole=True)
    for crossover in found:
        assert at(crossover.after)([crossover.at])[0] < at(crossover.before)([crossover.at])[0]
        assert at(crossover.after)([crossover.at - 1])[0] >= at(crossover.before)([crossover.at - 1])[0]
    assert found[0].before == "w4a16"


@pytest.mark.parametrize(
    ("axis", "whole", "says"),
    [
        ([1.0], False, "at least 2"),
        ([2.0, 1.0], False, "rising"),
        ([0, np.nan], False, "finite"),
        ([0, 1.5], True, "1.5"),
    ],
)
def test_bad_axes(axis, whole, says):
    with pytest.raises(ValueError, match=says):
        crossovers(np.sin, np.cos, axis, whole=whole)


def test_a_metric_that_is_not_finite_is_named():
    with pytest.raises(ValueError, match="not at 2"):
        crossovers(lambda x: np.where(x == 2, np.nan, x), np.cos, [1.0, 2.0])


def band(slope, base, share):
    return lambda x: (slope * x + base) * (1 - share), lambda x: (slope * x + base) * (1 + share)


@given(st.floats(0.01, 0.2), st.floats(20.0, 60.0))
def test_bands_meet_where_algebra_says(share, at):
    axis = np.linspace(1.0, 200.0, 20)
    low, high = undecided(band(2, 0, share), band(1, at, share), axis, at)
    wide = (1 + share) / (1 - share)
    assert low == pytest.approx(at / (2 * wide - 1), rel=1e-6)
    assert high == pytest.approx(min(at * wide / (2 - wide), 200.0) if wide < 2 else 200.0, rel=1e-6)
    whole = undecided(band(2, 0, share), band(1, at, share), np.round(axis), np.ceil(at), whole=True)
    assert whole[0] in (np.ceil(low - 1e-9), np.ceil(low), np.ceil(at)), "a whole number may be one only to rounding"
    rough = undecided(band(2, 0, share), band(1, at, share), axis, at, share=0.05)
    assert rough[0] == pytest.approx(low, rel=0.06)


def test_bands_without_width_meet_at_their_crossover_alone():
    assert undecided(band(2, 0, 0), band(1, 9, 0), [1.0, 20.0], 9.0) == (9.0, 9.0)
    assert undecided(band(2, 0, 0), band(1, 9.5, 0), [1.0, 20.0], 10.0) == (10.0, 10.0)


@given(st.integers(2, 999), st.integers(2, 40))
def test_more_sections_find_the_same_place_in_fewer_calls(at, sections):
    calls = []

    def first(x):
        calls.append(len(x))
        return x

    (found,) = crossovers(first, lambda x: np.full_like(x, at - 0.5), [1.0, 1000.0], whole=True, sections=sections)
    assert found.at == at
    assert len(calls) <= 4 + np.ceil(np.log(1000) / np.log(max(sections / 2, 1.5)))
