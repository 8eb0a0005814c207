"""bitfront claims prints each published figure with what the formulas give."""

import json

import pytest
from click.testing import CliRunner

from app.claims import unclaimed
from app.cli import cli
from app.pages import claims as page
from costmodel.published import claims

FACE = {"how", "system", "id", "quantity", "published", "reproduced", "rel_error", "rtol", "kind", "verdict", "source"}


def run(*arguments):
    return CliRunner().invoke(cli, ["claims", *arguments])


def test_json_has_a_row_a_claim_with_the_agreed_keys():
    rows = json.loads(run("--json").output)
    checks = json.loads(run("--checks", "--json").output)
    assert len(rows) + len(checks) == len(claims()) + len(unclaimed())
    assert {row["verdict"] for row in checks} == {"check"}
    assert all(set(row) - {"gap"} == FACE for row in rows)
    assert {row["verdict"] for row in rows} <= {"reproduced", "contradicted", "hardware", "training"}


def test_what_was_not_computed_is_null():
    rows = json.loads(run("--json").output)
    assert all((row["reproduced"] is None) == (row["kind"] != "analytic") for row in rows)


def test_a_glob_picks_systems_and_the_last_line_counts_them():
    shown = run("--system", "2:4*")
    assert shown.exit_code == 0
    assert "2 reproduced, 0 contradicted, 0 hardware, 0 training" in shown.output


def test_the_table_says_kind_source_and_how_and_prints_ratios_as_they_are():
    shown = run("--system", "2:4*").output
    assert {"kind", "how", "source"} < set(shown.splitlines()[1].split())
    assert "0.5625" in shown
    assert "semi_structured.py" in shown


def test_checks_are_listed_apart():
    shown = run("--checks", "--system", "AdaQuant").output
    assert "evaluated" in shown
    assert "20 checks" in shown
    assert "resnet18's policy" not in run("--system", "AdaQuant").output


def test_an_unknown_system_is_one_line():
    found = run("--system", "2:4 sparcity")
    assert isinstance(found.exception, ValueError)
    assert "did you mean 2:4 sparsity" in str(found.exception).lower()


@pytest.mark.parametrize("claim", claims()[:1], ids=lambda claim: claim.id)
def test_ids_are_short_names(claim):
    assert " " not in claim.id


@pytest.mark.parametrize("system", unclaimed(), ids=lambda system: system.system)
def test_a_system_without_a_figure_says_so_everywhere(system):
    for arguments in ((), ("--system", f"{system.system[:7]}*")):
        shown = run(*arguments).output
        assert f"{system.system}: no figure read; {system.what}" in shown
        row = next(r for r in json.loads(run(*arguments, "--json").output) if r["system"] == system.system)
        assert (row["published"], row["reproduced"], row["rel_error"]) == (None, None, None)
        assert (row["gap"], row["verdict"]) == ("no figure read", system.kind)
    alone = run("--system", system.system).output
    assert alone.splitlines()[-1] == "0 reproduced, 0 contradicted, 0 hardware, 0 training"
    assert system.system in [row["system"] for row in page.rows()]


def test_a_system_without_what_was_asked_for_is_told_where_to_look():
    assert str(run("--checks", "--system", "EdgeMoE").exception) == "EdgeMoE has no checks: leave --checks out"
    checked = {claim.system for claim in claims()} - {claim.system for claim in claims() if claim.verdict() != "check"}
    for system in sorted(checked):
        assert str(run("--system", system).exception).endswith("has no published figures: --checks lists what it has")
