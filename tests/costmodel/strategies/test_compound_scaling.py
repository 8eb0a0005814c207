"""Compound scaling: FLOPs grow by the factor whatever the mix, and the rest as the mix says."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel import zoo
from costmodel.strategies.compound_scaling import MIXES, MOST_OPS, CompoundScaling, exponents, factors, ideal_exponents
from costmodel.workload import Workload
from costmodel.workload.ops.embedding import looks_up_positions
from costmodel.workload.training import training
from costmodel.zoo._scale import Factors


@given(st.sampled_from(sorted(MIXES)), st.floats(0.1, 50))
def test_factors_multiply_to_the_factor(how: str, factor: float) -> None:
    found = factors(how, factor)
    assert found.depth * found.width**2 * found.resolution**2 == pytest.approx(factor)
    assert found.group == (found.width if how == "dWr" else 1.0)


@pytest.mark.parametrize("name", ["resnet50", "regnetx_016", "regnety_040", "efficientnet_b0", "efficientnet_b3"])
@pytest.mark.parametrize("how", ["d", "w", "r", "dwr", "dWr"])
def test_networks_grow_as_the_law_says(name: str, how: str) -> None:
    """Rounding, stems, first blocks and groups of fixed width keep the exponents within 0.2 of the law."""
    base = zoo.build(name)
    found = exponents(base, CompoundScaling(how, 4.0)(base), 4.0)
    assert found == pytest.approx(ideal_exponents(how), abs=0.2)


@given(st.sampled_from(["vit_tiny_patch16_224", "vig_tiny"]), st.sampled_from(["d", "w", "dw"]), st.floats(1.0, 6.0))
@settings(max_examples=20)
def test_transformers_grow_in_whole_heads_and_layers(name: str, how: str, factor: float) -> None:
    base = zoo.build(name)
    scaled = CompoundScaling(how, factor)(base)
    assert {op.k % 64 for op in scaled.ops if op.name.endswith(("mlp.fc1", "qkv_proj"))} == {0}
    assert sum(op.macs for op in scaled.ops) >= 0.99 * sum(op.macs for op in base.ops)


def test_the_batch_and_its_resolution_stay_what_they_were() -> None:
    base = zoo.build("resnet18", batch=3, resolution=160)
    deep, large = CompoundScaling("d", 2.0)(base), CompoundScaling("r", 4.0)(base)
    assert (deep.batch, deep.ops[0].window.input_height) == (3, 160)
    assert (large.batch, large.ops[0].window.input_height) == (3, 320)
    assert sum(op.params for op in large.ops) == sum(op.params for op in base.ops)


def test_groups_widen_as_pycls_rounds_them() -> None:
    assert [Factors(group=2.0).channels_a_group(g) for g in (1, 2, 3, 8, 24)] == [2, 4, 8, 16, 48]


@pytest.mark.parametrize(
    ("how", "factor", "says"),
    [("dWw", 2.0, "unknown way of scaling 'dWw'; did you mean"), ("d", 0.0, "positive and at most 1e[+]06, got 0"),
     ("d", 1e7, "got 10000000"),
     ("d", float("nan"), "positive and at most 1e[+]06, got nan")],
)  # fmt: skip
def test_bad_mixes_are_one_line(how: str, factor: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        CompoundScaling(how, factor)


@pytest.mark.parametrize("name", ["efficientnet_b7", "resnet18", "vig_tiny", "llama-3.2-1b", "whisper-small"])
@pytest.mark.parametrize("how", sorted(MIXES))
def test_depth_is_bounded_by_the_ops_that_it_makes(name: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line before any is built, and not where blocks stay as many, whatever the factor."""
    base = zoo.build(name)
    share = MIXES[how][0]
    most = (MOST_OPS / len(base.ops)) ** (1 / share) if share else 1e6
    within, beyond = CompoundScaling(how, min(most * 0.999, 1e6)), CompoundScaling(how, min(most * 1.001, 1e6))
    built: list[CompoundScaling] = []
    for stage in ("_vision", "_language"):
        monkeypatch.setattr(CompoundScaling, stage, lambda self, workload, *_: built.append(self) or workload)
    within(base)
    assert built == [within]
    if most * 1.001 <= 1e6:
        told = rf"by {how} to .* blocks of {name} .* times, into some 20,0.. ops of at most 20,000: take a smaller"
        with pytest.raises(ValueError, match=told):
            beyond(base)
        assert built == [within]


@pytest.mark.parametrize("name", ["efficientnet_b0", "swin_tiny_patch4_window7_224", "vim_tiny", "gpt2", "regnety_040"])
@pytest.mark.parametrize("how", sorted(MIXES))
def test_ops_grow_by_no_more_than_the_depth(name: str, how: str) -> None:
    """What the bound is computed by; a stage's blocks are rounded to whole ones."""
    base = zoo.build(name)
    assert len(CompoundScaling(how, 9.0)(base).ops) <= 1.1 * len(base.ops) * factors(how, 9.0).depth


@pytest.mark.parametrize("name", ["efficientnet_b0", "efficientnet_b1", "efficientnet_b5", "regnety_040", "resnet18"])
def test_a_network_scaled_by_nothing_is_what_it_was(name: str) -> None:
    base = zoo.build(name)
    family = next(module for module in zoo.families() if name in module.MODELS)
    assert family.scaled(name, Factors()).ops == base.ops


def _table(workload: Workload) -> float:
    """Rows of a decoder's or an encoder-only model's own position table."""
    return next(
        op.weight_elements / op.row_elements
        for op in workload.ops
        if looks_up_positions(op) and ".encoder." not in op.name
    )


@pytest.mark.parametrize("name", ["gpt2", "opt-125m", "gpt3-125m", "bert-base", "all-minilm-l6-v2", "whisper-tiny"])
@pytest.mark.parametrize("how", ["d", "r", "dWr"])
@pytest.mark.parametrize("factor", [0.37, 2.0, 3.3])
def test_learned_positions_are_as_many_as_the_scaled_network_has_tokens(name: str, how: str, factor: float) -> None:
    """In every phase, of the longest context too, and the table is the same whatever the pass."""
    model = zoo.language_model(name)
    assert model is not None
    phases = ("prefill", "decode", "forward") if model.causal else ("forward",)
    longest = int(model.max_context)
    rows = model.position_offset + round(longest * factors(how, factor).resolution ** 2)
    for phase in phases:
        for context in (40, longest - (phase == "decode")):
            base = zoo.build(name, phase=phase, context=context)
            assert _table(CompoundScaling(how, factor)(base)) == rows, (phase, context)
    assert (rows == model.positions) == (how == "d")


@pytest.mark.parametrize(
    ("name", "phase", "context"),
    [("whisper-medium", "encode", None), ("whisper-small", "prefill", 64), ("whisper-small", "decode", 64),
     ("canary-1b", "encode", None), ("canary-180m-flash", "prefill", 32), ("deepseek-v2-lite", "prefill", 256),
     ("deepseek-v3", "decode", 128)],
)  # fmt: skip
def test_speech_models_and_latent_attention_grow_by_about_the_factor(name: str, phase: str, context: int) -> None:
    base = zoo.build(name, phase=phase, context=context)
    for how, (_, _, tokens) in MIXES.items():
        flops = exponents(base, CompoundScaling(how, 4.0)(base), 4.0)[0]
        read_once = tokens * (phase == "decode")  # more tokens are more of a prefill, not of a decode
        assert 1 - read_once - 0.21 < flops < 1 - read_once + 0.45 * max(tokens, 0.3), how


@pytest.mark.parametrize(("name", "grown"), [("mobilenetv2_100", "3.07"), ("resnet18", "1.94")])
def test_how_far_rounding_takes_it_is_said(name: str, grown: str) -> None:
    covers = CompoundScaling("dWr", 2.0)(zoo.build(name)).covers
    assert f"scaled by dWr to {grown} times the FLOPs, of 2 asked for" in covers


def test_networks_of_others_and_training_are_refused() -> None:
    base = zoo.build("resnet18")
    for workload in (replace(base, name="mine"), training(base)):
        with pytest.raises(ValueError, match="takes a forward pass of a network of the zoo"):
            CompoundScaling("d", 2.0)(workload)


VISION = ["vgg11_bn", "mobilenetv2_100", "mobilenetv3_small_100", "swin_tiny_patch4_window7_224", "vim_tiny",
          "efficientvmamba_tiny"]  # fmt: skip


@pytest.mark.parametrize("name", VISION)
@pytest.mark.parametrize("how", sorted(MIXES))
def test_every_family_grows_by_about_the_factor(name: str, how: str) -> None:
    base = zoo.build(name)
    flops = exponents(base, CompoundScaling(how, 4.0)(base), 4.0)[0]
    assert 0.75 < flops < 1.3


@pytest.mark.parametrize("phase", ["prefill", "decode", "forward"])
@pytest.mark.parametrize("how", ["d", "w", "dw", "dwr"])
def test_language_models_grow_in_layers_heads_and_context(phase: str, how: str) -> None:
    base = zoo.build("llama-3.2-1b", phase=phase, context=64)
    scaled = CompoundScaling(how, 4.0)(base)
    share, _, tokens = MIXES[how]
    assert len([op for op in scaled.ops if op.kind == "attention"]) == round(16 * 4**share)
    keys = next(op.heads.keys for op in scaled.ops if op.kind == "attention") - (phase == "decode")
    assert keys == round(64 * 4**tokens)

    def in_layers(workload: Workload) -> float:
        return sum(op.macs for op in workload.ops if op.kind == "linear" and "layers" in op.name)

    grown = in_layers(scaled) / in_layers(base)
    assert grown == pytest.approx(4.0 ** (1 - tokens * (phase == "decode")), rel=0.15)


def test_it_comes_first() -> None:
    base = zoo.build("resnet18")
    edited = base.map(lambda op: op.times(2), lambda op: op.name == "fc")
    with pytest.raises(ValueError, match="must be the first strategy"):
        CompoundScaling("d", 2.0)(edited)
