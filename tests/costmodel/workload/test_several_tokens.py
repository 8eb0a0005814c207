"""Several tokens of each sequence at once, against the pass built for them."""

from dataclasses import fields

import pytest

import costmodel as cm
from costmodel import zoo
from costmodel.strategies import strategy
from costmodel.workload import Op
from costmodel.workload.op import NAMES, TEXTS
from costmodel.workload.several_tokens import several_tokens
from costmodel.workload.transformer.network import network
from costmodel.workload.transformer.span import Span

NUMBERS = [f.name for f in fields(Op) if f.name not in (*NAMES, *TEXTS, "window", "heads", "again")]
MODELS = [
    "llama-3.2-1b", "mixtral-8x7b", "mistral-7b", "opt-350m", "gpt2", "qwen3-0.6b", "deepseek-v2-lite",
    "whisper-tiny",
]  # fmt: skip


def _model(name):
    return next(m.MODELS[name] for m in zoo.families() if name in m.MODELS)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("batch", "context", "tokens"), [(1, 100, 2), (3, 77, 5), (8, 440, 8)])
def test_a_wider_decode_is_the_pass_built_so(name, batch, context, tokens):
    span = Span(batch, queries=tokens, keys=context + tokens, causal=True)
    built = network(_model(name), span, logits=tokens)
    wide = several_tokens(cm.zoo.build(name, phase="decode", batch=batch, context=context), tokens)
    assert [op.name for op in wide.ops] == [op.name for op in built]
    for op, expected in zip(wide.ops, built, strict=True):
        for field in NUMBERS:
            assert getattr(op, field) == pytest.approx(getattr(expected, field), rel=1e-12), (op.name, field)
        assert op.heads == expected.heads


def test_a_window_bounds_the_keys():
    name = "mistral-7b"
    span = Span(2, queries=4, keys=6000 + 4, causal=True)
    wide = several_tokens(cm.zoo.build(name, phase="decode", batch=2, context=6000), 4)
    for op, expected in zip(wide.ops, network(_model(name), span, logits=4), strict=True):
        assert op.n == expected.n
        assert op.mask_density == pytest.approx(expected.mask_density)
        assert op.kv_elements == pytest.approx(expected.kv_elements)


@pytest.mark.parametrize("name", ["llama-3.1-8b", "mixtral-8x7b"])
def test_a_shared_pass_is_widened_as_the_whole_is_shared(name):
    share = strategy("parallel:tensor=4,pipeline=2")
    decode = cm.zoo.build(name, phase="decode", batch=2, context=300)
    first, last = several_tokens(share(decode), 4), share(several_tokens(decode, 4))
    for op, expected in zip(first.ops, last.ops, strict=True):
        for field in NUMBERS:
            assert getattr(op, field) == pytest.approx(getattr(expected, field), rel=1e-12), (op.name, field)


def test_one_token_changes_nothing():
    decode = cm.zoo.build("llama-3.2-1b", phase="decode")
    assert several_tokens(decode, 1) is decode


@pytest.mark.parametrize(
    ("net", "tokens", "says"),
    [
        (cm.zoo.build("llama-3.2-1b", phase="decode"), 0, "tokens must be a whole number of at least 1, got 0"),
        (cm.zoo.build("llama-3.2-1b", phase="prefill"), 2, "is a prefill pass"),
        (cm.zoo.build("resnet18"), 2, "is a forward pass"),
    ],
)
def test_what_is_no_decode_is_refused_in_a_line(net, tokens, says):
    with pytest.raises(ValueError, match=says):
        several_tokens(net, tokens)
