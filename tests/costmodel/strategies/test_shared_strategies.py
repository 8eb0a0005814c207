"""GPUs that share what a strategy made: the same totals as the strategy on what they share, or one order refused."""

import importlib

import pytest

import costmodel as cm
from costmodel import strategies
from costmodel.strategies import strategy
from costmodel.workload.parallel import pipeline_parallel, tensor_parallel

NETS = {
    "llama": cm.zoo.build("llama-3.2-1b", phase="decode", batch=4, context=512),
    "mixtral": cm.zoo.build("mixtral-8x7b", phase="decode", batch=2, context=128),
}
GPUS = 2
REPEATED = ("best_of_n", "early_stop", "padded_batches", "quiet_star", "revisions", "resampling")
BESIDE = ("speculative_decoding", "specdec_plus_plus", "verified_search")
EXAMPLES = {n: importlib.import_module(f"costmodel.strategies.{n}").EXAMPLES for n in strategies.names()}


def totals(net, runs=1.0):
    """What one GPU runs and exchanges in all, and what it stores."""
    done = ("input_elements", "output_elements", "kv_elements", "fetched_elements")
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
@pytest.mark.parametrize("name", REPEATED)
def test_exchanges_are_as_often_as_what_they_follow(name, net):
    for step in EXAMPLES[name]:
        after, before = either_order(step, NETS[net])
        assert after is not None
        if before is not None:
            assert after == pytest.approx(before, rel=1e-9), step


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
@pytest.mark.parametrize("shared", ["parallel:tensor=2", "parallel:pipeline=4"])
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
