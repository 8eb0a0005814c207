"""GPUs that share what a strategy made: the same totals as the strategy on what they share, or one order refused."""

import importlib
from itertools import product

import pytest

import costmodel as cm
from costmodel import strategies
from costmodel.strategies import strategy
from costmodel.workload.parallel import pipeline_parallel, tensor_parallel
from costmodel.workload.repeated_blocks import thinned

FEW_EXPERTS, _ = thinned(cm.zoo.mixtral("8x7b"))
NETS = {
    "llama": cm.zoo.build("llama-3.2-1b", phase="decode", batch=4, context=512),
    "mixtral": cm.decode(FEW_EXPERTS, batch=2, context=128),
    "deit": cm.zoo.build("deit_small_patch16_224", batch=4),
}
GPUS = 2
BESIDE = ("speculative_decoding", "specdec_plus_plus", "verified_search")
EXAMPLES = {n: importlib.import_module(f"costmodel.strategies.{n}").EXAMPLES for n in strategies.names()}


def totals(net, runs=1.0):
    """What one GPU runs and exchanges in all, and what it stores."""
    done = ("input_elements", "output_elements", "kv_elements", "fetched_elements", "vector_flops")
    found = {name: runs * sum(float(op.count * getattr(op, name)) for op in net.ops) for name in done}
    found["macs"] = runs * sum(float(op.macs) for op in net.ops)
    found["exchanged"] = runs * sum(float(op.count * op.output_elements) for op in net.ops if op.kind.startswith("all"))
    found["stored"] = sum(float(op.params) for op in net.ops)
    return found


def either_order(step, net):
    """The totals of both orders, None for one that is refused in a line."""
    found = []
    for make in (lambda: tensor_parallel(step(net), GPUS), lambda: step(tensor_parallel(net, GPUS))):
        try:
            found.append(totals(make()))
        except ValueError as error:
            if "\n" in str(error):
                raise
            found.append(None)
    return found


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - {"block_sparsity"}))  # of whose squares each part has others
def test_what_a_strategy_makes_is_shared_as_what_it_is_made_of(name, net):
    for step in EXAMPLES[name]:
        after, before = either_order(step, NETS[net])
        if None not in (after, before):
            if name == "aqlm":  # of rows that are summed each GPU scales its part, see tensor.py
                assert after.pop("vector_flops") == pytest.approx(before.pop("vector_flops"), rel=0.04)
            assert after == pytest.approx(before, rel=1e-9), step


@pytest.mark.parametrize("spelled", ["double_rounding:every=10", "edge_moe:cached=4", "edge_moe:cached=4,foreseen=0.5"])
def test_stored_copies_and_loads_are_divided(spelled):
    """But for the router's, which is whole on each."""
    net = NETS["mixtral"]
    halved, alone = (tensor_parallel(strategy(spelled)(net), GPUS), strategy(spelled)(net))
    for kind in ("dequantisation", "load", "experts"):
        for name in ("weight_elements", "fetched_elements"):
            whole = sum(getattr(op, name) for op in alone.ops if op.kind == kind)
            assert sum(getattr(op, name) for op in halved.ops if op.kind == kind) == pytest.approx(
                whole / GPUS, rel=1e-4
            )
    loaded = [sum(op.output_elements for op in net.ops if op.kind == "load") for net in (halved, alone)]
    assert loaded[0] == pytest.approx(loaded[1] / GPUS)


def test_branches_are_divided_in_forward_and_training():
    branched = strategy("sparse_ift:sparsity=0.75,kind=parallel")(cm.zoo.build("gpt2", phase="forward"))
    trained = [strategy(f"distributed_training:tensor={n}")(branched) for n in (1, 4)]
    padded = {"rel": 1e-4}  # of a vocabulary of 50257
    assert sum(op.macs for op in trained[1].ops) == pytest.approx(sum(op.macs for op in trained[0].ops) / 4, **padded)


def test_a_low_rank_pair_needs_no_exchange_and_its_wide_factor_is_divided():
    net = NETS["llama"]
    part = tensor_parallel(strategy("zeroquant_fp:rank=8")(net), GPUS)
    plain = tensor_parallel(net, GPUS)
    assert [op.name for op in part.ops if op.kind == "all_reduce"] == [
        op.name for op in plain.ops if op.kind == "all_reduce"
    ]
    layer = "model.layers.0.self_attn."
    assert (part.op(f"{layer}q_proj.lorc_in").n, part.op(f"{layer}q_proj.lorc_out").n) == (8, 1024)
    assert (part.op(f"{layer}o_proj.lorc_in").k, part.op(f"{layer}o_proj.lorc_out").n) == (1024, 2048)


@pytest.mark.parametrize("spelled", ["sparse_ift:sparsity=0.75", "filter_pruning:keep=0.5", "dynamic_filters:keep=0.5"])
def test_channels_change_before_gpus_share(spelled):
    with pytest.raises(
        ValueError, match=r"channels change before GPUs share deit_small_patch16_224, as .*all_reduce says"
    ):
        strategy(f"parallel:tensor=2 + {spelled}")(NETS["deit"])


@pytest.mark.parametrize("name", BESIDE)
def test_a_model_beside_another_is_shared_as_it_is_alone(name):
    for step in EXAMPLES[name]:
        alone = [
            totals(tensor_parallel(w, GPUS), runs)
            for w, runs in zip(step.passes(NETS["llama"]), step.runs, strict=True)
        ]
        both = {key: sum(each[key] for each in alone) for key in alone[0]}
        assert totals(tensor_parallel(step(NETS["llama"]), GPUS)) == pytest.approx(both, rel=1e-9), step


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("shared", ["parallel:tensor=2", "parallel:pipeline=4", "parallel:pipeline=4,stage=0"])
def test_it_comes_before_gpus_share(name, shared):
    with pytest.raises(
        ValueError, match=r"llama-3.2-1b (has drafts|is judged) before GPUs share it, as .* says"
    ) as told:
        EXAMPLES[name][0](strategy(shared)(NETS["llama"]))
    assert "\n" not in str(told.value)


def test_a_stage_receives_as_often_as_it_runs():
    stage = pipeline_parallel(strategy("quiet_star:thought_tokens=8")(NETS["llama"]), 4)
    assert stage.op("stage.receive").count == 11


def test_only_tables_of_tokens_are_split_by_vocabulary():
    net = cm.zoo.build("whisper-tiny", phase="prefill", context=64)
    part = tensor_parallel(net, GPUS)
    places = "model.encoder.embed_positions"
    assert part.op(places) == net.op(places)
    assert part.op("model.decoder.embed_tokens.all_reduce")


@pytest.mark.parametrize(("net", "context"), [("llama-3.2-1b", 2000), ("gpt2", 500)])
def test_a_batch_takes_the_time_of_all_stages(net, context):
    """Each priced apart, but for the look-ups of the first: those of the others' layers are waited for."""
    base, gpu = cm.zoo.build(net, phase="decode", batch=4, context=context), cm.gpu("h100_sxm")
    apart = [cm.estimate(pipeline_parallel(base, 4, i), cm.W16A16, gpu).totals for i in range(4)]
    found = cm.estimate(strategy("parallel:pipeline=4")(base), cm.W16A16, gpu)
    assert found.totals["latency_s"] == pytest.approx(sum(one["latency_s"] for one in apart), rel=0.02)
    assert found.totals["latency_s"] > 0.98 * cm.estimate(base, cm.W16A16, gpu).totals["latency_s"]
    assert found.totals["footprint_bytes"] == apart[-1]["footprint_bytes"]
    assert "passes through all" in found.workload.covers


@pytest.mark.parametrize(
    ("spelled", "device"),
    [
        *product(
            ("parallel:tensor=2", "parallel:pipeline=4", "distributed_training:data=8"), ("zcu102", "jetson_orin")
        ),
        ("parallel:pipeline=4,stage=0", "zcu102"),
    ],
)
def test_gpus_share_over_a_link(spelled, device):
    shared = strategy(spelled)(NETS["deit"])
    with pytest.raises(ValueError, match=f"{device} has no link to other GPUs"):
        cm.estimate(shared, "int8/int8" if device == "zcu102" else "bf16", cm.device(device))


def test_experts_outside_of_memory_come_over_a_link():
    with pytest.raises(ValueError, match=r"u250 has no link to memory outside of it, from where .* brings experts"):
        cm.estimate(strategy("edge_moe:cached=4")(NETS["mixtral"]), "int8/int8", cm.device("u250"))
