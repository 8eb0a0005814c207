"""Every published figure that a formula here claims to give is given, and every known gap is still one."""

import pytest

from costmodel.published import claims

EVERY = claims()
ANALYTIC = [claim for claim in EVERY if claim.kind == "analytic"]


def _name(claim):
    return f"{claim.system} {claim.id}"


@pytest.mark.parametrize("claim", ANALYTIC, ids=_name)
def test_a_claim_is_reproduced_or_its_gap_is_explained(claim):
    assert claim.verdict() == ("contradicted" if claim.gap else "reproduced"), claim.reproduced()


@pytest.mark.parametrize("claim", EVERY, ids=_name)
def test_a_claim_says_where_it_was_read(claim):
    assert len(claim.source) > 10
    assert claim.quantity
