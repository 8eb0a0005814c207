"""bitfront demo: the main job, run once, with the claims that its report makes."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from app.show import show


@pytest.fixture(scope="module")
def runs(process: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("demo")
    start = time.perf_counter()
    done = process("demo", "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return {"seconds": time.perf_counter() - start, "folder": folder} | json.loads((folder / "report.json").read_text())


def by_kind(run: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [d for d in run["designs"] if d["kind"] == kind]


def test_takes_less_than_two_minutes(runs: dict[str, Any]) -> None:
    assert runs["seconds"] < 120


@pytest.mark.parametrize("name", ["fpga", "gpu"])
def test_every_design_has_a_true_accuracy(runs: dict[str, Any], name: str) -> None:
    for design in runs[name]["designs"]:
        assert 0.0 <= design["accuracy"] <= 1.0
    assert by_kind(runs[name], "reference")[0]["accuracy"] > 0.96


def test_fpga_plan_keeps_its_budget_and_no_uniform_design_within_it_loses_less(runs: dict[str, Any]) -> None:
    run = runs["fpga"]
    limit = float(run["budgets"][0].split("<=")[1])
    assert run["totals"]["lut"] <= limit
    assert run["bound"] <= run["objective"]
    within = [d["loss"] for d in by_kind(run, "uniform") if d["totals"]["lut"] <= limit]
    assert all(run["objective"] <= lost * (1 + 1e-9) for lost in within)
    assert set(run["formats"]) == {f"int{b}" for b in range(2, 9)}


def test_plans_are_no_larger_and_predicted_no_worse_than_the_uniform_width(runs: dict[str, Any]) -> None:
    for name, cost in (("fpga", "weight_bytes"), ("fpga", "lut"), ("gpu", "weight_bytes")):
        uniform = {d["name"]: d for d in by_kind(runs[name], "uniform")}
        for plan in by_kind(runs[name], f"plan at the same {cost}"):
            same = uniform[plan["name"].split(" of ")[1]]
            assert plan["totals"][cost] <= same["totals"][cost]
            assert plan["loss"] <= same["loss"] * (1 + 1e-9)


def test_mixing_widths_beats_three_bits_at_the_same_size(runs: dict[str, Any]) -> None:
    uniform = next(d for d in runs["fpga"]["designs"] if d["name"] == "int3/int3")
    plan = next(d for d in runs["fpga"]["designs"] if d["name"] == "plan at weight_bytes of int3/int3")
    assert plan["accuracy"] > uniform["accuracy"]


def test_report_is_one_file_that_fetches_nothing(runs: dict[str, Any]) -> None:
    page = (runs["folder"] / "report.html").read_text()
    assert "<link" not in page
    assert 'src="http' not in page
    assert page.count('"showSendToCloud": false') >= 8
    assert len(page) < 3e6
    assert {p.name for p in runs["folder"].iterdir()} == {"report.html", "report.json"}


def test_terminal_says_where_budgets_come_from_and_leaves_out_plans_that_tell_nothing(
    runs: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    show(runs["gpu"])
    told = capsys.readouterr().out
    assert f"The plan was chosen under {runs['gpu']['budgets'][0]}: 6 bits a weight instead of 16." in told
    assert all(design["name"] in told for design in by_kind(runs["gpu"], "uniform"))
    assert "plan at weight_bytes of int8/int8" not in told
    assert "more plans at a uniform design's size are in the report" in told
