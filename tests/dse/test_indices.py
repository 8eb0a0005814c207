"""Sobol indices of functions whose indices are known, and against SALib."""

import numpy as np
import pytest
from SALib.analyze import sobol as salib_analyze
from SALib.sample import sobol as salib_sample

from dse.indices import Levels, Uniform, sobol

ISHIGAMI = {name: Uniform(-np.pi, np.pi) for name in ("x", "y", "z")}
A, B = 7.0, 0.1


def ishigami(v):
    return np.sin(v["x"]) + A * np.sin(v["y"]) ** 2 + B * v["z"] ** 4 * np.sin(v["x"])


def exact():
    """Ishigami and Homma, 1990: closed forms of first and total indices."""
    x = (1 + B * np.pi**4 / 5) ** 2 / 2
    y = A**2 / 8
    xz = B**2 * np.pi**8 * (1 / 18 - 1 / 50)
    whole = x + y + xz
    return np.array([x, y, 0]) / whole, np.array([x + xz, y, xz]) / whole


@pytest.mark.parametrize("control", [True, False])
def test_closed_forms_lie_within_the_intervals(control):
    found = sobol(ishigami, ISHIGAMI, samples=4096, control=control)
    first, total = exact()
    assert np.abs(found.first - first).max() < 0.03
    assert np.abs(found.total - total).max() < 0.03
    slack = 0.01
    assert ((found.first_low - slack <= first) & (first <= found.first_high + slack)).all()
    assert ((found.total_low - slack <= total) & (total <= found.total_high + slack)).all()
    assert found.evaluations == 4096 * 5


def test_it_agrees_with_salib():
    problem = {"num_vars": 3, "names": list(ISHIGAMI), "bounds": [[-np.pi, np.pi]] * 3}
    rows = salib_sample.sample(problem, 2048, calc_second_order=False, seed=1)
    theirs = salib_analyze.analyze(
        problem, ishigami(dict(zip(ISHIGAMI, rows.T, strict=True))), calc_second_order=False, seed=1
    )
    ours = sobol(ishigami, ISHIGAMI, samples=2048)
    np.testing.assert_allclose(ours.first, theirs["S1"], atol=0.05)
    np.testing.assert_allclose(ours.total, theirs["ST"], atol=0.05)


def test_the_control_variate_narrows_the_intervals_of_an_almost_additive_metric():
    inputs = {"a": Uniform(0, 1), "b": Uniform(1, 1e3, logarithmic=True), "c": Levels((1.0, 2.0, 4.0))}

    def metric(v):
        return 3 * v["a"] ** 2 + np.log(v["b"]) + 0.01 * v["a"] * v["c"]

    plain, controlled = (sobol(metric, inputs, samples=512, control=c) for c in (False, True))
    width = [f.first_high - f.first_low for f in (plain, controlled)]
    assert (width[1][:2] < 0.5 * width[0][:2]).all()
    b = np.log(1e3) ** 2 / 12
    a = 9 * (1 / 5 - 1 / 9)
    assert controlled.first[0] == pytest.approx(a / (a + b), abs=0.01)


def test_an_input_that_does_nothing_has_no_share():
    found = sobol(lambda v: v["a"], {"a": Uniform(0, 1), "idle": Uniform(0, 1)}, samples=128)
    assert found.total[1] == pytest.approx(0, abs=1e-9)
    assert found.first[0] == pytest.approx(1, abs=0.02)
    assert found.table()[0]["input"] == "a"


def test_the_same_seed_gives_the_same_indices():
    one, two = (sobol(ishigami, ISHIGAMI, samples=128, seed=3) for _ in range(2))
    assert (one.first == two.first).all()
    assert (one.total_high == two.total_high).all()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: Uniform(2, 1), "low < high must hold"),
        (lambda: Uniform(0, 1, logarithmic=True), "above 0"),
        (lambda: Levels(()), "at least one value"),
        (lambda: sobol(ishigami, ISHIGAMI, samples=8), "samples must be at least 64"),
        (lambda: sobol(ishigami, {}), "at least one input"),
        (lambda: sobol(lambda v: np.where(v["x"] > 0, np.nan, 1.0), ISHIGAMI), "must be finite, got nan at {'x'"),
        (lambda: sobol(lambda v: 0 * v["x"], ISHIGAMI), "no input matters"),
        (lambda: sobol(lambda _: 1.0, ISHIGAMI), "one number a sample"),
    ],
)
def test_bad_input_is_one_line(call, says):
    with pytest.raises(ValueError, match=says) as error:
        call()
    assert "\n" not in str(error.value)
