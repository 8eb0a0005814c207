"""What the page Optimise says of budgets that no plan meets."""

import pytest

from app.optimise import question, solution, view
from app.results import misfit
from dse import InfeasibleError

FORMATS = "int4/bf16,int8/int8,bf16"


def told(budgets):
    given = {"model": "zoo:resnet18", "device": "h100_sxm", "formats": FORMATS, "budgets": ",".join(budgets)}
    asked = question.read(given, {})
    with pytest.raises(InfeasibleError) as raised:
        solution.solve(asked, lambda *_: None)
    return view.infeasible(asked, raised.value)


def test_a_least_value_beside_other_budgets_is_told_as_one():
    problem = question.read({"model": "zoo:resnet18", "device": "h100_sxm", "formats": FORMATS}, {}).problem
    storage, latency = (float(problem.costs[name].min(1).sum()) for name in ("weight_bytes", "latency_s"))
    both = told([f"weight_bytes<={storage * 1.01!r}", f"latency_s<={latency * 1.01!r}"])
    assert both.startswith("Given the others, ")
    assert told([f"weight_bytes<={storage / 2!r}"]).startswith("Weight storage is at least")


@pytest.mark.parametrize(("metric", "limit"), [("weight_bytes", 6e9), ("lut", 600e3), ("weight_bytes", 5147483648.0)])
def test_a_box_reads_as_the_limit_that_it_was_given(metric, limit):
    assert question.budget(metric, question.written(metric, limit)).limit == limit
    given = {"model": "zoo:resnet18", "device": "u250", "formats": "int8", "budgets": f"{metric}<={limit!r}"}
    assert question.read(given, {}).limits[0].limit == limit


def test_a_link_to_another_plan_than_the_one_solved_is_told():
    asked = question.read({"model": "zoo:resnet18", "device": "h100_sxm", "formats": FORMATS}, {})
    result = solution.for_pages(asked, solution.solve(asked, lambda *_: None))
    plain = str(view.summary(result, result["design"]).to_plotly_json())
    assert "The link's plan" not in plain
    assert str(view.summary(result).to_plotly_json()) == plain
    assert "The link's plan was 0123456789abcdef" in str(view.summary(result, "0123456789abcdef").to_plotly_json())


@pytest.mark.parametrize("text", ["a few", "-5", "nan", "9 parsecs"])
def test_a_box_that_is_no_number_is_told_by_its_label(text):
    with pytest.raises(ValueError, match=rf"Weight storage must be a number of at least 0, as 9 MB, got '{text}'"):
        question.budget("weight_bytes", text)
    with pytest.raises(ValueError, match=r"Throughput must be a number of at least 0, as 60 k/s, got 'a'"):
        question.budget("throughput_per_s", "a")


def test_what_a_plan_takes_too_much_of_is_told_by_its_label():
    assert misfit({"beyond": {"footprint_bytes": 1.9, "bram18": 8.32}}) == "memory footprint 190%, block RAMs 832%"
    assert misfit({"beyond": {"uram": None}}) == "UltraRAMs (it has none)"
