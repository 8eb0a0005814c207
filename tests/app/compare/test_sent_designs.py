"""Designs of Explore and plans of Optimise are the same on Compare: same totals, same layers."""

import pytest

from app.compare import designs as compared
from app.compare import question, sent
from app.explore import designs, detail, mixture, opened
from app.explore import question as explore
from app.optimise import question as optimise
from app.optimise import solution
from app.web import session
from dse import curves
from dse.sweep import sweep

ASKED = {"model": "zoo:resnet18", "devices": "t4,zcu104", "precisions": "w8a8,int3/int3", "batch": "2"}
SAME = ("loss", "latency_s", "energy_j", "weight_bytes", "examples_per_s", "lut", "dsp")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "r"
    sweep(explore.read(ASKED, {}).space, folder)
    return mixture.with_fronts(designs.load(folder), ("latency_s", "loss"))[0]


@pytest.fixture(autouse=True)
def own(monkeypatch, tmp_path):
    monkeypatch.setattr(session, "current", lambda: session.Session(tmp_path))


def values(text):
    record = compared.record(question.read_design(text), "it")
    return {name: value["value"] for name, value in record["values"].items()}, record


@pytest.mark.parametrize("edits", [(), (("conv1", "int3/int3"),)])
@pytest.mark.parametrize("at", [0, 1, 5, -1])
def test_an_opened_design_has_the_same_totals(mixed, at, edits):
    row = at % len(mixed)
    found = opened.open_design(mixed, row, edits)
    got, record = values(sent.of_explored(mixed, row, found, bool(edits)))
    for name in SAME:
        assert got.get(name) == pytest.approx(found.columns.get(name)) or name not in found.columns, name
    assert list(record["layers"].values()) == found.precisions
    for name, value in record["values"].items():
        if "low" in value and name in detail.TOTALS:
            ends = [found.columns[end] for end in (curves.ends(name))]
            assert ends == pytest.approx([value["low"], value["high"]]), name
            assert detail._interval(found, name) is not None


@pytest.mark.parametrize(
    ("device", "formats"),
    [("l40s", "int8/bf16,int8@2:4,bf16"), pytest.param("zcu104", "int4,int8", marks=pytest.mark.long)],
)
def test_a_plan_has_the_same_totals(device, formats):
    asked = optimise.read({"model": "zoo:resnet18", "device": device, "formats": formats, "batch": "3"}, {})
    middle = sum(optimise.span(asked, "weight_bytes")) / 2
    asked = optimise.read(asked.linked({}) | {"budgets": f"weight_bytes<={middle}"}, {})
    result = solution.kept(solution.keep(asked, solution.solve(asked, lambda *_: None)))
    got, record = values(sent.of_plan(result))
    for name in ("latency_s", "weight_bytes", "energy_j", "lut"):
        assert got.get(name) == pytest.approx(result["totals"].get(name)) or name not in result["totals"], name
    assert record["layers"] == result["assignment"]
    assert len(set(record["layers"].values())) > 1


@pytest.mark.parametrize("budget", ["throughput_per_s>=100", "lut<=200e3"])
def test_a_plan_in_a_folding_of_its_own_is_not_sent_as_another(budget):
    given = {"model": "zoo:resnet18", "device": "u250", "formats": "int4", "budgets": budget}
    asked = optimise.read(given, {})
    result = solution.kept(solution.keep(asked, solution.solve(asked, lambda *_: None)))
    with pytest.raises(ValueError, match="this plan's folding is its own"):
        sent.of_plan(result)


def test_what_compare_does_not_have_is_named(mixed, monkeypatch):
    monkeypatch.setattr(type(mixed), "values", lambda *_: {"device.sm_count": 9})
    with pytest.raises(ValueError, match=r"Compare has no device\.sm_count"):
        sent.of_explored(mixed, 0, opened.open_design(mixed, 1), False)
