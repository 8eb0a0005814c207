"""What a result says of itself: where a plan that should be better was measured to be worse."""

from app.show import measured


def result(accuracy, loss):
    """A plan at the size of a uniform format that is right on nine of ten, of so much accuracy and loss."""
    uniform = {"name": "int3/int3", "kind": "uniform", "accuracy": 0.9, "loss": 0.1}
    plan = {"name": "plan at lut of int3/int3", "kind": "plan at the same lut", "accuracy": accuracy, "loss": loss}
    return {"tested": 700, "accuracy_standard_error": 0.01, "measured_better": [], "designs": [uniform, plan]}


def test_a_plan_that_its_losses_misled_says_so():
    said = " ".join(measured(result(0.85, 0.06)))
    assert "At LUTs of int3 the plan is right on 5.00% less, though its loss is smaller (0.06 against 0.1)" in said


def test_nothing_is_said_within_chance_or_where_the_loss_was_larger():
    for accuracy, loss in ((0.895, 0.06), (0.95, 0.06), (0.85, 0.2)):
        assert len(measured(result(accuracy, loss))) == 1
