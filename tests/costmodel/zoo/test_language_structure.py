"""What holds of every language model and pass: who reads what, what is cached, refusals, frozen totals.

tests/golden/zoo_language.json holds parameters and MACs of every model's passes at their default context. After a
change that is meant to alter them, write it anew with `python tests/costmodel/zoo/test_language_structure.py`, and let
test_language_against_transformers.py and test_serving_against_transformers.py say that transformers agrees.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language_models import EVERY, FAMILIES

import costmodel
from costmodel import zoo
from costmodel.catalog import UnknownNameError
from costmodel.estimators.footprint import peak_activation_bytes
from costmodel.workload import Op, Workload
from costmodel.workload.attention_shapes import Attention, LatentAttention
from costmodel.workload.feed_forward_shapes import Mlp, Moe
from costmodel.workload.language_model import Block, LanguageModel
from costmodel.workload.op import Heads
from costmodel.workload.serving import decode, encode, forward, passes, prefill

GOLDEN = Path(__file__).parents[2] / "golden" / "zoo_language.json"
NETWORK_INPUTS = {"input_ids", "position_ids", "token_type_ids", "input_features"}
PARTIAL_READS = (
    "attention", "experts.act_fn", "experts.act_fn.gate", "combine", "kv_a_layernorm", "rotary", "kv_b_proj.k",
    "lm_head", "proj_out", "embed_tokens.sum", "wte.sum", "word_embeddings.sum", "encoder.sum", "pooler.dense",
    "experts.gate_up_proj", "experts.down_proj", "log_softmax.mlp.layer0", ".attn.q_norm", ".attn.k_norm",
    ".ffn.act", ".ffn.act.gate",
)  # fmt: skip
"""Ops that read a part of a source (one of several results, the last token) or one row for a whole batch."""


def totals(name: str) -> dict[str, int]:
    phases = ("prefill", "decode") if EVERY[name].causal else ("forward",)
    workloads = {phase: zoo.build(name, phase=phase) for phase in phases}
    params = sum(op.params for op in next(iter(workloads.values())).ops)
    return {"params": round(params)} | {
        f"{phase}_macs": round(sum(op.macs for op in w.ops)) for phase, w in workloads.items()
    }


def every_pass(model: LanguageModel, batch: int, context: int) -> list[Workload]:
    if not model.causal:
        return [forward(model, batch, context)]
    return [build(model, batch, context) for build in (forward, prefill, decode)]


def test_totals_are_the_frozen_ones() -> None:
    assert {name: totals(name) for name in EVERY} == json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("name", EVERY)
def test_ops_read_what_earlier_ops_made_and_nothing_is_made_in_vain(name: str) -> None:
    for workload in every_pass(EVERY[name], batch=2, context=9):
        made: dict[str, float] = {}
        for op in workload.ops:
            sources = [s for s in op.inputs if s not in NETWORK_INPUTS]
            assert op.inputs
            assert set(sources) <= set(made) | caches(workload)
            if sources and not op.name.endswith(PARTIAL_READS):
                assert op.input_elements == sum(made[s] for s in sources), op.name
            made[op.name] = op.output_elements
        read = {source for op in workload.ops for source in op.inputs}
        assert set(made) - read == set(workload.outputs) - read


def caches(workload: Workload) -> set[str]:
    """A decode reads what its encoder made in the prefill."""
    encoder = EVERY[workload.name].encoder
    return {encoder.names.final_norm} if encoder and workload.phase == "decode" else set()


@pytest.mark.parametrize("name", [name for name, model in EVERY.items() if model.causal])
def test_a_decode_reads_the_whole_cache_once(name: str) -> None:
    model, batch, context = EVERY[name], 3, 20
    cached = sum(op.kv_elements for op in decode(model, batch, context).ops if f".{model.names.cross}." not in op.name)
    assert cached == batch * (context + 1) * model.cache_elements


@given(batch=st.integers(1, 64), context=st.integers(1, 5000))
@settings(max_examples=30, deadline=None)
def test_attention_alone_depends_on_a_decode_s_context(batch: int, context: int) -> None:
    shorter, longer = (decode(EVERY["llama-3.2-1b"], batch, c) for c in (context, 2 * context))
    for a, b in zip(shorter.ops, longer.ops, strict=True):
        if a.kind == "attention":
            assert b.macs * (context + 1) == a.macs * (2 * context + 1)
        else:
            assert a == b


@given(batch=st.integers(1, 8), context=st.integers(2, 300))
@settings(max_examples=30, deadline=None)
def test_one_more_token_costs_a_decode(batch: int, context: int) -> None:
    """Attention that skips masked scores: a prefill is the decodes that it stands for."""
    model = EVERY["qwen3-0.6b"]

    def executed(workload: Workload) -> float:
        return sum(op.executed_macs for op in workload.ops)

    longer, shorter = (prefill(model, batch, c, all_logits=True) for c in (context, context - 1))
    assert executed(longer) - executed(shorter) == pytest.approx(executed(decode(model, batch, context - 1)), rel=1e-9)


def test_a_window_bounds_what_a_decode_reads() -> None:
    short, long = (decode(EVERY["mistral-7b"], 1, context) for context in (4095, 100_000))
    counts = [[replace(op, heads=Heads()) for op in workload.ops] for workload in (short, long)]
    assert counts[0] == counts[1]
    assert sum(op.kv_elements for op in long.ops) == 4096 * EVERY["mistral-7b"].cache_elements


@pytest.mark.parametrize("name", ["deepseek-v2-lite", "deepseek-v3", "llama-3.1-8b"])
def test_a_prefill_leaves_the_cache_that_a_decode_reads(name: str) -> None:
    filled, read = prefill(EVERY[name], 2, 65), decode(EVERY[name], 2, 64)
    assert sum(op.kv_elements for op in filled.ops) == sum(op.kv_elements for op in read.ops)
    assert sum(op.kv_elements for op in filled.ops) == 2 * 65 * EVERY[name].cache_elements
    assert not any(op.kv_elements for op in forward(EVERY[name], 2, 65).ops)


def test_a_long_context_is_built_at_once() -> None:
    workload = prefill(EVERY["llama-3.1-8b"], 1, 10_000_000)
    scores = workload.op("model.layers.0.self_attn.attention")
    assert scores.mask_density == pytest.approx(0.5, abs=1e-6)


def test_layers_may_differ() -> None:
    v3 = EVERY["deepseek-v3"]
    assert [isinstance(block.mlp, Moe) for block in v3.blocks] == [False] * 3 + [True] * 58
    gpt = Attention(2, 2, 8)
    alternate = (Block(gpt, Mlp(16)), Block(Attention(2, 2, 8, window=4), Mlp(16))) * 2
    workload = decode(LanguageModel("alternate", 50, 16, alternate), 1, 99)
    assert [op.n for op in workload.ops if op.kind == "attention"] == [100, 4, 100, 4]


def test_a_decode_of_experts_reads_those_that_its_tokens_reach() -> None:
    def share_read(batch: int) -> float:
        return decode(EVERY["mixtral-8x7b"], batch, 8).op("model.layers.0.mlp.experts.down_proj").weight_reads

    assert share_read(1) == pytest.approx(2 / 8)
    assert share_read(1) < share_read(4) < share_read(64) == pytest.approx(1.0, abs=1e-7)


def test_an_encoder_decoder_leaves_its_encoder_to_the_prefill() -> None:
    model = EVERY["whisper-tiny"]
    first, later = prefill(model, 1, 4), decode(model, 1, 4)
    assert {op.name.split(".")[1] for op in first.ops if "." in op.name} == {"encoder", "decoder"}
    missing = {op.name for op in first.ops} - {op.name for op in later.ops}
    assert all(".encoder." in name or name.endswith(("encoder_attn.k_proj", "encoder_attn.v_proj")) for name in missing)


@pytest.mark.parametrize("name", ["whisper-tiny", "whisper-large-v3"])
def test_an_encode_and_a_decode_are_the_whole_network(name: str) -> None:
    """A prefill is an encode and the decoder on the prompt, op by op; a decode has the decoder's parameters."""
    model = EVERY[name]
    encoded, whole, later = encode(model, 2), prefill(model, 2, 4), decode(model, 2, 4)
    assert set(encoded.ops) <= set(whole.ops)
    assert {op.name for op in encoded.ops} | {op.name for op in later.ops} == {op.name for op in whole.ops}
    assert sum(op.params for op in (*encoded.ops, *later.ops)) == sum(op.params for op in whole.ops)
    assert "the decoder alone" in later.covers
    with pytest.raises(ValueError, match="has no encoder beside its decoder"):
        encode(EVERY["llama-3.1-8b"])


def test_a_shared_table_is_stored_once() -> None:
    workload = forward(EVERY["llama-3.2-1b"], 1, 4)
    table, head = workload.op("model.embed_tokens"), workload.op("lm_head")
    assert table.params == 0
    assert head.params == 128_256 * 2048
    assert forward(EVERY["llama-3.1-8b"], 1, 4).op("model.embed_tokens").params == 128_256 * 4096


def test_residuals_keep_activations_alive() -> None:
    """At the MLP's widest point: the residual, the gate's activation, and the value or its product."""
    model, tokens = EVERY["llama-3.1-8b"], 64
    peak = peak_activation_bytes(prefill(model, 1, tokens), costmodel.W16A16)
    widest = tokens * (4096 + 3 * 14336) * 2
    assert 0.9 * widest < peak <= 1.1 * widest


@pytest.mark.parametrize("family", FAMILIES)
def test_families_know_their_members_by_the_rest_of_the_name(family: str) -> None:
    build = getattr(zoo, family)
    for name, model in FAMILIES[family].items():
        assert build(name) is model
        assert build(name.removeprefix(family).removeprefix("-")) is model
        assert model.name == name
    with pytest.raises(UnknownNameError, match=f"unknown {family} model 'nothing-like-it'"):
        build("nothing-like-it")
    assert set(FAMILIES[family]) <= set(zoo.names())


def test_an_unknown_name_lists_near_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"llama-3\.1-8b"):
        zoo.build("llama-3.1-9b")
    with pytest.raises(UnknownNameError, match=r"3\.1-8b"):
        zoo.llama("3.1-8")


def test_the_default_pass_decodes_after_1024_tokens_or_what_positions_allow() -> None:
    keys = {
        name: max(op.n for op in zoo.build(name).ops if op.kind == "attention" and ".encoder_attn" not in op.name)
        for name in ("llama-3.1-8b", "gpt2", "opt-125m", "whisper-base", "bert-base")
    }
    assert keys == {"llama-3.1-8b": 1025, "gpt2": 1024, "opt-125m": 1025, "whisper-base": 448, "bert-base": 512}
    assert zoo.build("llama-3.1-8b").phase == "decode"
    assert zoo.build("bert-base").phase == "forward"
    assert zoo.build("gpt2", phase="prefill", context=1024).phase == "prefill"
    assert zoo.build("bert-base", phase="training", batch=2).batch == 2


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("llama-3.1-8b", {"batch": 0}, "batch must be at least 1, got 0"),
        ("llama-3.1-8b", {"context": 0}, "context must be at least 1, got batch=1, context=0"),
        ("llama-3.1-8b", {"context": -5, "phase": "prefill"}, "context=-5"),
        ("gpt2", {"context": 1024}, "gpt2 has positions for 1024 tokens, a decode of 1024 needs 1025"),
        ("opt-125m", {"context": 2049, "phase": "prefill"}, "positions for 2048 tokens, a prefill of 2049 needs 2049"),
        ("bert-base", {"context": 513}, "bert-base has positions for 512 tokens"),
        ("bert-base", {"phase": "decode"}, "bert-base is an encoder: its phase is forward or training, got 'decode'"),
        ("gpt2", {"phase": "sleep"}, "phase must be one of"),
        ("gpt2", {"resolution": 224}, "gpt2 is a language model and takes no resolution, got 224"),
    ],
)
def test_impossible_passes_are_refused(name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=r"\A[^\n]*\Z") as caught:
        zoo.build(name, **arguments)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_impossible_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="kv_heads must divide heads, got heads=6, kv_heads=4"):
        Attention(6, 4, 8)
    with pytest.raises(ValueError, match=r"experts_per_token must be within 1\.\.experts, got 9 of 8"):
        Moe(8, 9, 16)
    with pytest.raises(ValueError, match="at least one block, 'empty' has none"):
        LanguageModel("empty", 10, 8, ())


def test_uncounted_parts_of_a_model_reach_its_workloads() -> None:
    block = Block(LatentAttention(2, 0, 4, 4, 2, 4), Mlp(8))
    model = LanguageModel("part", 10, 8, (block,), uncounted=("mtp",))
    for phase in ("prefill", "decode", "forward", "training"):
        assert passes(model, context=4, phase=phase).uncounted == ("mtp",)


def test_names_are_those_of_modules() -> None:
    ops: tuple[Op, ...] = zoo.build("gpt2").ops
    assert [op.name for op in ops[:6]] == [
        "transformer.wte",
        "transformer.wpe",
        "transformer.wte.sum",
        "transformer.h.0.ln_1",
        "transformer.h.0.attn.c_attn",
        "transformer.h.0.attn.attention",
    ]


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({name: totals(name) for name in EVERY}, indent=1) + "\n")


@pytest.mark.parametrize(("argument", "value"), [("batch", 1.5), ("context", 8.5), ("context", float("nan"))])
def test_a_pass_of_a_part_of_a_token_is_refused(argument: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{argument} must be an integer, got {value}"):
        decode(zoo.llama("3.1-8b"), **{argument: value})  # type: ignore[arg-type]
