"""Visual-token compression: a shorter context is the same pass on fewer tokens."""

import pytest

import costmodel as cm
from costmodel.quality.vlm_law import error
from costmodel.strategies.visual_tokens import VisualTokens


def macs(workload: cm.Workload, kind: str) -> float:
    return sum(op.macs for op in workload.ops if op.kind == kind)


@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_it_is_the_pass_on_a_shorter_context(phase: str) -> None:
    context = 600 - (phase == "decode")
    compressed = VisualTokens(576, 16)(cm.zoo.build("llama-3.1-8b", phase=phase, batch=2, context=context))
    short = cm.zoo.build("llama-3.1-8b", phase=phase, batch=2, context=context - 560)
    for kind in ("linear", "attention"):
        assert macs(compressed, kind) == pytest.approx(macs(short, kind))
    assert sum(op.kv_elements for op in compressed.ops) == pytest.approx(sum(op.kv_elements for op in short.ops))
    assert sum(op.params for op in compressed.ops) == sum(op.params for op in short.ops)


@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_a_window_beyond_the_context_changes_nothing(phase: str) -> None:
    context = 1024 - (phase == "decode")
    whole, short = (cm.zoo.build("mistral-7b", phase=phase, context=n) for n in (context, context - 560))
    found = VisualTokens(576, 16)(whole)
    attended = [[op for op in net.ops if op.kind == "attention"] for net in (found, short)]
    assert attended[0] == attended[1]


def test_a_larger_model_on_fewer_tokens_errs_less_at_fewer_flops() -> None:
    """1B parameters on 576 tokens against 3B on 16."""
    small = cm.zoo.build("llama-3.2-1b", phase="prefill", context=626)
    large = VisualTokens(576, 16)(cm.zoo.build("llama-3.2-3b", phase="prefill", context=626))
    assert sum(op.macs for op in large.ops) < sum(op.macs for op in small.ops)
    sizes = [sum(op.params for op in w.ops) for w in (small, large)]
    assert error(params=sizes[1], visual_tokens=16) < error(params=sizes[0], visual_tokens=576)


@pytest.mark.parametrize(("visual", "kept"), [(576, 0), (16, 17), (0, 0)])
def test_more_than_there_are_and_none_are_refused(visual: int, kept: int) -> None:
    with pytest.raises(ValueError, match=f"1 <= kept <= visual must hold, got kept={kept}, visual={visual}"):
        VisualTokens(visual, kept)


@pytest.mark.parametrize(
    ("workload", "says"),
    [(cm.zoo.build("llama-3.2-1b", phase="prefill", context=576), "beyond 576, llama-3.2-1b's prefill attends to 576"),
     (cm.zoo.build("resnet18"), "attends to 0 tokens"),
     (cm.zoo.build("deit_tiny_patch16_224"), "visual_tokens takes"),
     (cm.zoo.build("mistral-7b", phase="decode", context=5000),
      "layers that attend to all 5001 tokens, model.layers.0.self_attn.attention has a window of 4096"),
     (cm.zoo.build("mistral-7b", phase="prefill", context=5000), "attends to all 5000: .* has a window of 4096")],
)  # fmt: skip
def test_passes_without_an_image_s_tokens_are_refused(workload: cm.Workload, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        VisualTokens()(workload)
