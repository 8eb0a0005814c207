"""What the page Optimise gives away: a plan that its command makes again; what it tells meanwhile."""

import json

import pytest

from app.optimise import question, solution
from app.rerun import rerun
from app.web import downloads


@pytest.mark.parametrize(
    ("device", "formats", "more"),
    [
        ("h100_sxm", "int8/int8,int4/bf16,bf16", {"pins": "fc=bf16", "batch": "4"}),
        ("u250", "int8/int8,int4/int4", {}),
    ],
)
def test_a_plan_that_a_page_gives_away_is_the_one_of_its_command(device, formats, more):
    given = {"model": "zoo:resnet18", "device": device, "formats": formats, "budgets": "weight_bytes<=8e6"}
    asked = question.read(given | more, {})
    kept = solution.for_pages(asked, solution.solve(asked, lambda *_: None))
    assert {"asked", "design"} <= kept.keys()
    assert "fixed" not in kept
    found = rerun(json.loads(downloads.file(solution.without_pages(kept), "plan.json")[0]), "plan.json")
    assert found.compared > 1000
    assert not found.differences


def test_a_search_that_tells_nothing_is_seen_to_go_on(monkeypatch):
    monkeypatch.setattr(solution, "TICK_S", 0.01)
    given = {"model": "zoo:resnet18", "device": "u250", "formats": "int8,int4", "budgets": "throughput_per_s>=900"}
    heard = []
    solution.solve(question.read(given, {}), lambda *news: heard.append(news))
    shares = [share for share, _ in heard]
    assert len(set(shares)) > 3
    assert shares == sorted(shares)
    assert "laying out and choosing formats: 0 s of 20 s at most" in {text for _, text in heard}


def test_the_plan_that_the_page_begins_with_is_one_for_the_main_tools():
    asked = question.read({}, {})
    kept = solution.for_pages(asked, solution.solve(asked, lambda *_: None))
    for target in ("torchao", "llm-compressor", "modelopt"):
        content, _ = downloads.file(solution.without_pages(kept), target)
        assert b"model.embed_tokens" in content.replace(b"\\", b"")
    with pytest.raises(ValueError, match=r"it can: solve with it among the formats and --pin 'model\.embed_tokens=bf"):
        downloads.file(solution.without_pages(kept), "auto-round")
