"""More sequences, against the pass built with so many."""

from dataclasses import fields

import pytest

import costmodel as cm
from costmodel.workload import Op
from costmodel.workload.more_sequences import more_sequences
from costmodel.workload.op import NAMES, TEXTS

NUMBERS = [f.name for f in fields(Op) if f.name not in (*NAMES, *TEXTS, "window", "heads", "again")]


@pytest.mark.parametrize(
    "name", ["llama-3.2-1b", "mixtral-8x7b", "mistral-7b", "opt-350m", "gpt2", "deepseek-v2-lite", "whisper-tiny"]
)
@pytest.mark.parametrize(("batch", "times"), [(1, 2), (3, 8)])
def test_it_is_the_pass_of_that_batch(name, batch, times):
    decode = cm.zoo.build(name, phase="decode", batch=batch, context=300)
    built = cm.zoo.build(name, phase="decode", batch=batch * times, context=300)
    found = more_sequences(decode, times)
    assert found.batch == built.batch
    for op, expected in zip(found.ops, built.ops, strict=True):
        numbers = [getattr(op, name) for name in NUMBERS]
        assert numbers == pytest.approx([getattr(expected, name) for name in NUMBERS], rel=1e-12), op.name
        assert op.heads == expected.heads


@pytest.mark.parametrize(("net", "times", "says"), [("llama-3.2-1b", 0, "got 0"), ("resnet18", 2, "only a decode")])
def test_bad_input_is_one_line(net, times, says):
    with pytest.raises(ValueError, match=says):
        more_sequences(cm.zoo.build(net), times)
