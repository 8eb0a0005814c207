"""The predicted loss of training as a column of a space: what it reads, and for whom it has no value."""

from pathlib import Path

import numpy as np
import pytest

import costmodel as cm
from costmodel.quality.fp_quantization import loss
from dse import Space
from dse.chunk import blocks
from dse.passes import Pass
from dse.sweep import sweep
from dse.training_loss import non_embedding_params, training_loss

EXAMPLE = Path(__file__).parents[2] / "examples" / "training_loss.toml"
AXES = {
    "model": {"model": "zoo:llama-3.2-1b", "phase": "decode", "context": 64},
    "device": "h100_sxm",
    "tokens": [1e11, 1e12],
    "precision": ["bf16", "fp8_e4m3", "int8"],
}


@pytest.mark.parametrize(
    ("name", "billions"), [("llama-3.2-1b", 0.973), ("llama-3.1-8b", 6.980), ("llama-2-7b", 6.476)]
)
def test_embeddings_and_head_do_not_count(name, billions):
    for phase in ("decode", "training"):
        net = cm.zoo.build(name, phase=phase, context=16)
        assert non_embedding_params(net) / 1e9 == pytest.approx(billions, abs=1e-3)


def test_a_column_is_the_law_for_the_tokens_of_its_design():
    space = Space.read({"axes": AXES, "objectives": ["training_loss", "latency_s"]})
    parts = list(blocks(space, 0, space.size))
    found = np.concatenate([part.columns[:, 0] for part in parts]).reshape(2, 3)
    params = non_embedding_params(cm.zoo.build("llama-3.2-1b", phase="decode", context=64))
    assert found[1, 0] == loss(params=params, tokens=1e12, exponent_bits=8, mantissa_bits=7)
    assert found[0, 1] == loss(params=params, tokens=1e11, exponent_bits=4, mantissa_bits=3)
    assert np.isnan(found[:, 2]).all()
    assert sum(part.counts.unknown for part in parts) == 2


def test_formats_that_differ_have_no_value():
    net = cm.zoo.build("llama-3.2-1b", phase="decode", context=16)
    found = training_loss(Pass(net, net, net), [cm.precision(p) for p in ("fp8_e4m3/bf16", "bf16", "mxfp4")], 1e12)
    assert np.isnan(found).tolist() == [True, False, False]


def test_the_example_gives_a_front_for_each_budget(tmp_path):
    space = Space.load(EXAMPLE)
    run = sweep(space, tmp_path / "run")
    assert len(np.unique(run.front.group)) == 6
    for group in range(6):
        mine = run.front.values[run.front.group == group]
        order = np.argsort(mine[:, 0])
        assert len(order) > 2
        assert (np.diff(mine[order, 1]) < 0).all()


def test_the_loss_of_training_is_an_expression_like_others(tmp_path):
    told = {"axes": AXES, "objectives": ["params * tokens", "training_loss"], "constraints": ["training_loss <= 2.5"]}
    run = sweep(Space.read(told), tmp_path / "run")
    assert run.front.index.size >= 1


def test_bad_input_is_one_line():
    axes = {name: values for name, values in AXES.items() if name != "tokens"}
    with pytest.raises(ValueError, match="training_loss needs the axis tokens, how many the model is trained on"):
        Space.read({"axes": axes, "objectives": ["training_loss"]})
    with pytest.raises(ValueError, match="axis 'tokens' takes a whole number of at least 1, got 0"):
        Space.read({"axes": AXES | {"tokens": 0}, "objectives": ["training_loss"]})
    net = cm.zoo.build("resnet18")
    with pytest.raises(ValueError, match="resnet18 looks up no tokens"):
        training_loss(Pass(net, net, net), [cm.W16A16], 1e12)
