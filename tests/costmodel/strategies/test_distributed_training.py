"""One GPU's part of a step as ops, against the estimate of the whole step."""

from dataclasses import replace

import numpy as np
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


def test_an_idle_pipeline_takes_time_and_does_no_work():
    """The first of many micro-batches fills the pipeline: four times its time, and the work of any other."""
    first, many = (cm.estimate(DistributedTraining(pipeline=4, micro_batches=n)(_forward(2)), "bf16", A100).totals
                   for n in (1, 64))  # fmt: skip
    for name in ("macs", "flops", "vector_flops", "bytes_moved"):
        assert many[name] == pytest.approx(64 * first[name])
    assert many["latency_s"] / first["latency_s"] == pytest.approx((64 + 3) / 4)
    assert 64 * first["energy_j"] > many["energy_j"] > 0.25 * 64 * first["energy_j"]


def test_a_stage_does_the_work_of_its_layers():
    """The last of GPT-2's four has three layers of twelve and the head, forward and backward."""
    net = _forward(2)
    layers = [
        op for op in net.ops if op.name.startswith(("transformer.h.9.", "transformer.h.10.", "transformer.h.11."))
    ]
    macs = 3 * sum(op.macs for op in layers) + 3 * net.op("lm_head").macs
    made = DistributedTraining(pipeline=4)(net)
    assert sum(op.macs for op in made.ops) == pytest.approx(macs, rel=1e-9)
    assert {op.waits for op in made.ops} == {3.0}


def test_idle_power_alone_is_added_while_a_stage_waits():
    def joules(workload):
        return cm.estimate(workload, "bf16", A100).totals

    busy = DistributedTraining(pipeline=4)(_forward(2)).map(lambda op: replace(op, waits=0.0))
    waiting = busy.map(lambda op: replace(op, waits=3.0))
    lone, idle = joules(busy), joules(waiting)
    assert idle["latency_s"] == pytest.approx(4 * lone["latency_s"])
    share = (idle["energy_j"] - lone["energy_j"]) / (3 * lone["latency_s"]) / A100.power_w
    assert 0.05 < share < 0.35
    assert idle["energy_low_j"] < idle["energy_j"] < idle["energy_high_j"]


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
        (
            "distributed_training:micro_batches=0",
            None,
            "micro_batches must be a whole number of passes a step of at le",
        ),
        ("distributed_training:interleave=0", None, "interleave must be a whole number of chunks a stage of at least"),
        (
            "distributed_training:pipeline=4,micro_batches=4,interleave=2",
            _forward(1),
            "2 chunks do not divide the 3 lay",
        ),
        ("distributed_training:pipeline=2,micro_batches=3,interleave=3", None, "in multiples of its 2 stages, got 3"),
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


@pytest.mark.parametrize("kept", [1, 0.01])
def test_gradients_cross_the_link_in_fp32(kept):
    """A sum is of 32-bit gradients; of those kept each replica sends 32 bits and a place."""
    net = cm.zoo.build("resnet18")
    step = strategy(f"distributed_training:data=8,kept={kept}")(net)
    params = sum(op.params for op in net.ops)
    sent = step.op("gradients.exchange").output_elements * cm.W16A16.activation.bits
    place = np.ceil(np.log2(params))
    assert sent == pytest.approx(32 * params if kept == 1 else 8 * np.ceil(kept * params) * (32 + place))
