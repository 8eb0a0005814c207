"""One GPU's part of a step as ops, against the estimate of the whole step."""

import pytest

import costmodel as cm
from costmodel.estimators.training_step import RECOMPUTE, Layout, training_step
from costmodel.hardware import link_of
from costmodel.strategies import DistributedTraining, strategy

A100 = cm.gpu("a100_sxm")


def _forward(batch):
    return cm.zoo.build("gpt2", phase="forward", batch=batch, context=128)


@pytest.mark.parametrize(
    "how",
    [
        DistributedTraining(data=4, micro_batches=2),
        DistributedTraining(data=4, kept=0.01),
        DistributedTraining(tensor=4, pipeline=4, data=2, micro_batches=8, interleave=3),
        DistributedTraining(pipeline=2, micro_batches=4, recompute="layers"),
    ],
)
def test_its_time_is_the_step_s_but_for_the_optimizer(how):
    layout = Layout(
        how.tensor, how.pipeline, how.data, 2, how.interleave, 0, gradient_kept=how.kept,
        recompute=RECOMPUTE[how.recompute],
    )  # fmt: skip
    step = training_step(_forward, 2 * how.micro_batches * how.data, "bf16", A100, layout, link_of(A100))
    found = cm.estimate(how(_forward(2)), "bf16", A100)
    assert found.totals["latency_s"] == pytest.approx(step.step_s - step.parts_s["optimizer"], rel=5e-3)
    assert found.workload.batch == step.batch


def test_replicas_take_a_training_pass_as_it_is_and_one_of_them_changes_nothing():
    pruned = strategy("decaying_mask:n=2,m=4")(cm.training(cm.zoo.build("resnet18")))
    assert DistributedTraining()(pruned).ops == pruned.ops
    assert DistributedTraining(data=8)(pruned).ops[:-1] == pruned.ops


def test_fewer_kept_gradients_and_more_chunks_are_faster():
    def seconds(**how):
        made = DistributedTraining(pipeline=2, data=8, micro_batches=4, **how)(_forward(1))
        return cm.estimate(made, "bf16", A100).totals["latency_s"]

    assert seconds(kept=0.001) < seconds()
    assert seconds(interleave=3) < seconds()


@pytest.mark.parametrize(
    ("spelled", "net", "says"),
    [
        ("distributed_training:data=0", None, "data parallelism needs a whole number of GPUs of at least 1, got 0"),
        ("distributed_training:kept=0", None, "above 0, got 0"),
        ("distributed_training:recompute=some", None, "unknown recompute 'some'"),
        ("distributed_training:pipeline=5", _forward(1), "5 stages do not divide the 12 layers"),
        (
            "distributed_training:tensor=2",
            cm.training(_forward(1)),
            "makes a step of a forward pass, gpt2 is a training",
        ),
        ("distributed_training", cm.zoo.build("gpt2", phase="decode", context=8), "gpt2 is a decode pass"),
    ],
)
def test_bad_input_is_one_line(spelled, net, says):
    with pytest.raises(ValueError, match=says) as error:
        strategy(spelled)(net)
    assert "\n" not in str(error.value)
