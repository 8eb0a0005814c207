"""Every published figure that a formula here claims to give is given, and every known gap is still one."""

from dataclasses import replace

import pytest

from costmodel.claim import INDEPENDENT
from costmodel.published import claims
from costmodel.strategies import nm_sparsity

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


@pytest.mark.parametrize("same", ["id", "quantity"])
def test_two_rows_of_a_system_that_read_alike_are_refused(same, monkeypatch):
    one, two = nm_sparsity.CLAIMS[:2]
    monkeypatch.setattr(nm_sparsity, "CLAIMS", (one, replace(two, **{same: getattr(one, same)})))
    with pytest.raises(ValueError, match=f"a claim is there twice: {one.system} {getattr(one, same)}"):
        claims()


def test_a_count_of_a_network_names_it():
    counted = [c for c in EVERY if c.system == "Fast model scaling" and c.how == "count"]
    assert all(claim.id.rpartition("-")[0] in claim.quantity for claim in counted)


def test_enough_is_reproduced_by_something_independent_of_the_figure():
    reproduced = [claim for claim in ANALYTIC if claim.verdict() == "reproduced"]
    assert len(reproduced) >= 120
    assert len({claim.system for claim in reproduced}) >= 17


def test_what_can_hardly_fail_is_a_check():
    how = {(claim.system, claim.id): claim.how for claim in EVERY}
    converted = [how["MegaScale", f"{what}_Megatron_{gpus}"] for what in ("thr", "days") for gpus in (256, 768, 6144)]
    stated = [("2:4 sparsity", "nm-a100-peak"), ("Megatron-LM", "peak_3072"), ("ZeRO", "states_0"),
              ("Inference-optimal VLM", "best-tokens-0")]  # fmt: skip
    assert {*converted, *(how[name] for name in stated)} == {"definition"}
    assert {h for (_, name), h in how.items() if name.endswith("-512-64")} == {"fitted"}
    assert how["ZeRO", "states_1"] == "formula"


def test_one_rule_decides_which_figures_count():
    by_id = {(claim.system, claim.id): claim for claim in ANALYTIC}
    windows = [c for c in ANALYTIC if c.id.startswith("mfu_MegaScale")]
    assert {claim.verdict() for claim in windows} == {"contradicted"}
    assert by_id["AQLM and PV-Tuning", "size-llama-2-7b-2x8g8"].verdict() == "contradicted"


def test_what_was_fitted_to_a_figure_or_computed_here_is_no_reproduction():
    how = {(claim.system, claim.id): claim.how for claim in EVERY}
    assert how["KV Prediction", "lazy-0.75-0.25"] == "fitted"
    assert how["Fast model scaling", "run-dWr-FLOPs"] == "run"
    assert how["Fast model scaling", "ideal-dwr-FLOPs"] == "definition"
    assert how["AdaQuant", "resnet18-0.13"] == "evaluated"
