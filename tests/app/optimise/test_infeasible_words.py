"""What the page Optimise says of budgets that no plan meets."""

import pytest

from app.optimise import question, solution, view
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
