"""Every published figure that a formula here claims to give is given, and every known gap is still one."""

import pytest

from costmodel.claim import INDEPENDENT
from costmodel.published import claims

EVERY = claims()
ANALYTIC = [claim for claim in EVERY if claim.kind == "analytic"]


def _name(claim):
    return f"{claim.system} {claim.id}"


@pytest.mark.parametrize("claim", ANALYTIC, ids=_name)
def test_a_claim_is_reproduced_or_its_gap_is_explained(claim):
    agrees = "reproduced" if claim.how in INDEPENDENT else "check"
    assert claim.verdict() == ("contradicted" if claim.gap else agrees), claim.reproduced()


@pytest.mark.parametrize("claim", EVERY, ids=_name)
def test_a_claim_says_where_it_was_read(claim):
    assert len(claim.source) > 10
    assert claim.quantity


def test_enough_is_reproduced_by_something_independent_of_the_figure():
    reproduced = [claim for claim in ANALYTIC if claim.verdict() == "reproduced"]
    assert len(reproduced) >= 120
    assert len({claim.system for claim in reproduced}) >= 17


def test_what_was_fitted_to_a_figure_or_computed_here_is_no_reproduction():
    how = {(claim.system, claim.id): claim.how for claim in EVERY}
    assert how["KV Prediction", "lazy-0.75-0.25"] == "fitted"
    assert how["Fast model scaling", "run-dWr-FLOPs"] == "run"
    assert how["Fast model scaling", "ideal-dwr-FLOPs"] == "definition"
    assert how["AdaQuant", "resnet18-0.13"] == "evaluated"
