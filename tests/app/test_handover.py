"""Designs opened on Explore as files: what they are, none a plan that was chosen; each made again by its command."""

import json

import pytest

from app import handover
from app.explore import opened, question, session_runs
from app.report.source import document
from app.rerun import NOT_COMPARED, rerun
from app.results import sure
from app.web import downloads, session

AXES = ("latency_s", "loss", "none")
ASKED = {"model": "zoo:resnet18", "devices": "t4,u250", "precisions": "w8a8,w4a4,int3/int3", "batch": "1"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The name of a sweep in a session of its own, and its designs with mixed precision."""
    with pytest.MonkeyPatch.context() as patched:
        own = session.Session(tmp_path_factory.mktemp("session"))
        patched.setattr(session, "current", lambda: own)
        name = session_runs.prepare(question.read(ASKED, {}))
        yield name, session_runs.joined(name, AXES[:2])[0]


def design(run, device, at=0):
    """The link of a mixed design on a device, the `at`-th of its front."""
    _, found = run
    rows = [row for row in range(found.swept, len(found)) if found.values(row)["device"] == device]
    return session_runs.spelled(found, rows[at], AXES[:2])


def test_an_edited_design_claims_no_optimum_in_any_file_and_comes_out_again(run):
    edits = {"fc": "int4/fp16", "conv1": "fp16"}
    found = handover.reported(design(run, "t4"), edits, run[0], *AXES)
    said = document(found).sections[0].sentences[0]
    assert said.startswith("As opened on Explore, each layer pinned; a loss increase of ")
    for target in ("report.html", "report.md", "report.csv"):
        assert "optimal" not in downloads.file(found, target)[0].decode()
    plan = json.loads(downloads.file(found, "plan.json")[0])
    assert sure(plan) == plan["fixed"] == "not chosen: each layer had one format to take"
    assert plan["assignment"]["fc"] == "int4/fp16"
    assert not rerun(plan, "plan.json").differences
    older = {name: value for name, value in plan.items() if name != "fixed"}
    assert document(older).sections[0].sentences[0].startswith("Chosen under no budget: proven optimal by ")
    assert "fixed" in NOT_COMPARED


@pytest.mark.parametrize("edits", [{}, {"conv1": "int8/int8"}])
def test_a_mixed_design_on_an_fpga_is_reported_in_its_own_folding(run, edits):
    name, found = run
    rows = [row for row in range(found.swept, len(found)) if found.values(row)["device"] == "u250"]
    row = next(row for row in rows if found.mixed[row - found.swept].laid_for == "int3/int3")
    link = session_runs.spelled(found, row, AXES[:2])
    plan = handover.reported(link, edits, name, *AXES)
    for metric in ("latency_s", "lut", "dsp", "bram18"):
        expected = opened.open_design(found, row, tuple(edits.items())).columns[metric]
        assert plan["totals"][metric] == pytest.approx(expected), metric
    assert "--laid-for int3/int3" in " ".join(plan["provenance"]["command"])
    said = " ".join(document(plan).sections[0].sentences)
    assert "PE and SIMD are those made for int3/int3, as asked" in said
    (table,) = (table for table in document(plan).sections[0].tables if table.name == "designs")
    beyond = {each["design"]: each["does not fit"] for each in table.rows}
    assert (beyond["plan"] is None) == plan["fits"] == (not edits)
    assert any("DSP blocks" in (told or "") for told in beyond.values())
    assert table.columns[-1] == "does not fit"
    assert not rerun(json.loads(downloads.file(plan, "plan.json")[0]), "plan.json").differences
