import math

import pytest

from costmodel.claim import KINDS, Claim


def claim(**changes):
    fields = {
        "system": "ToyNet", "id": "T1", "quantity": "speedup", "source": "A. Author, Title, 2024, table 1",
        "kind": "analytic", "published": 2.0, "reproduce": lambda: 2.0,
    }  # fmt: skip
    return Claim(**(fields | changes))


@pytest.mark.parametrize(
    ("value", "rtol", "verdict"),
    [
        (2.0, 0.0, "reproduced"),
        (2.03, 0.02, "reproduced"),
        (1.97, 0.02, "reproduced"),
        (2.05, 0.02, "contradicted"),
        (-2.0, 0.5, "contradicted"),
        (math.nan, 0.5, "contradicted"),
        (math.inf, 0.5, "contradicted"),
    ],
)
def test_the_verdict_follows_the_relative_error(value, rtol, verdict):
    assert claim(reproduce=lambda: value, rtol=rtol).verdict() == verdict


def test_relative_error():
    assert claim(reproduce=lambda: 2.5).rel_error() == 0.25
    assert claim(published=-2.0, reproduce=lambda: -1.5).rel_error() == 0.25
    assert claim(published=0.0, reproduce=lambda: 0).rel_error() == 0.0
    assert claim(published=0.0, reproduce=lambda: 1e-9).rel_error() == math.inf
    assert math.isnan(claim(published=0.0, reproduce=lambda: math.nan).rel_error())


def test_a_published_zero_has_a_verdict():
    assert claim(published=0.0, reproduce=lambda: 0.0).verdict() == "reproduced"
    assert claim(published=0.0, reproduce=lambda: math.nan).verdict() == "contradicted"


@pytest.mark.parametrize("kind", ["hardware", "training"])
def test_what_needs_a_run_elsewhere_is_context(kind):
    context = claim(kind=kind, reproduce=None)
    assert context.verdict() == kind
    assert math.isnan(context.reproduced())
    assert math.isnan(context.rel_error())


def test_reproduced_is_a_float():
    assert type(claim(reproduce=lambda: 2).reproduced()) is float


def test_an_analytic_claim_and_no_other_needs_a_formula():
    with pytest.raises(ValueError, match="needs reproduce: ToyNet T1"):
        claim(reproduce=None)
    with pytest.raises(ValueError, match="needs reproduce: ToyNet T1"):
        claim(kind="hardware")


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "guess"}, {"published": math.nan}, {"published": math.inf}, {"rtol": -0.1}, {"rtol": math.nan}],
)
def test_bad_values_raise_one_line(wrong):
    with pytest.raises(ValueError) as error:
        claim(**wrong)
    assert "\n" not in str(error.value)


def test_the_kinds():
    assert KINDS == ("analytic", "hardware", "training")
