"""Laws that every strategy of the folder keeps, on its own EXAMPLES and IDENTITIES."""

import importlib
import math
from dataclasses import fields
from typing import get_args

import pytest

import costmodel as cm
from costmodel import strategies
from costmodel.estimators.footprint import input_bytes
from costmodel.strategies._cifar import resnet
from costmodel.workload import Op, Workload
from costmodel.workload.op import NAMES, TEXTS
from costmodel.workload.ops import linear
from costmodel.workload.ops.collective import COLLECTIVES
from costmodel.workload.parallel.pipeline import is_stage

NETS = {
    "resnet18": cm.zoo.build("resnet18"),
    "mobilenetv2": cm.zoo.build("mobilenetv2_100"),
    "deit": cm.zoo.build("deit_tiny_patch16_224", batch=2),
    "llama-decode": cm.zoo.build("llama-3.2-1b", phase="decode", batch=4, context=512),
    "llama-prefill": cm.zoo.build("llama-3.2-1b", phase="prefill", context=256),
    "mixtral-decode": cm.zoo.build("mixtral-8x7b", phase="decode", context=128),
    "whisper-encode": cm.zoo.build("whisper-tiny", phase="encode", batch=2),
    "whisper-decode": cm.zoo.build("whisper-tiny", phase="decode", context=20),
    "resnet18-training": cm.training(cm.zoo.build("resnet18")),
}
NUMBERS = [f.name for f in fields(Op) if f.name not in (*NAMES, *TEXTS, "window", "heads", "again")]


def _declared(what):
    modules = {name: importlib.import_module(f"costmodel.strategies.{name}") for name in strategies.names()}
    return [pytest.param(s, id=f"{n}-{i}") for n, m in modules.items() for i, s in enumerate(getattr(m, what))]


def _applied(strategy, net):
    """The workload, None where the strategy refuses this kind of network in a line."""
    try:
        return strategy(net)
    except ValueError as error:
        if "\n" in str(error):
            raise
        return None


@pytest.mark.parametrize("name", strategies.names())
def test_a_strategy_has_examples_identities_and_claims(name):
    module = importlib.import_module(f"costmodel.strategies.{name}")
    assert module.EXAMPLES
    assert isinstance(module.IDENTITIES, tuple)
    assert isinstance(module.CLAIMS, tuple)


@pytest.mark.parametrize("strategy", _declared("EXAMPLES"))
def test_examples_change_some_network_and_keep_counts_finite_and_positive(strategy):
    results = {name: _applied(strategy, net) for name, net in NETS.items()}
    assert any(found is not None and found != NETS[name] for name, found in results.items()), "nothing changed"
    for found in filter(None, results.values()):
        for op in found.ops:
            assert all(math.isfinite(getattr(op, n)) and getattr(op, n) >= 0 for n in NUMBERS), op
            assert 0 <= op.weight_density <= 1
            assert 0 <= op.mask_density <= 1


@pytest.mark.parametrize("strategy", _declared("EXAMPLES"))
def test_no_strategy_loses_the_images_that_a_network_reads(strategy):
    for name in ("resnet18", "mobilenetv2", "deit", "resnet18-training"):
        found = _applied(strategy, NETS[name])
        if found is not None and not is_stage(found):
            before, after = (input_bytes(net, cm.W16A16) * net.passes / net.batch for net in (NETS[name], found))
            assert after >= before, name


@pytest.mark.parametrize("strategy", _declared("EXAMPLES"))
def test_pruning_never_adds_parameters(strategy):
    if not getattr(strategy, "prunes", False):
        return
    for net in NETS.values():
        if (found := _applied(strategy, net)) is not None:
            assert sum(op.params for op in found.ops) <= sum(op.params for op in net.ops)


@pytest.mark.parametrize("strategy", _declared("IDENTITIES"))
def test_identities_change_nothing(strategy):
    for net in NETS.values():
        found = _applied(strategy, net)
        assert found is None or found.ops == net.ops


def _held(workload, precision, activation):
    """A precision whose weights have the bits of the codes that a strategy stores, where it stores any."""
    bits = {float(op.code_bits) for op in workload.ops if op.code_bits}
    return f"int{min(bits):g}/{activation}" if bits else precision


@pytest.mark.parametrize("strategy", _declared("EXAMPLES"))
def test_a_strategy_runs_on_a_gpu_and_composes_with_nothing_before_and_after(strategy):
    device = cm.gpu("a100_sxm")
    for net in (NETS["deit"], NETS["llama-decode"], NETS["mixtral-decode"], NETS["resnet18"]):
        found = _applied(strategy, net)
        if found is None:
            continue
        assert strategies.compose(strategies.strategy("none"), strategy)(net).ops == found.ops
        assert cm.estimate(found, _held(found, cm.W16A16, "bf16"), device).totals["latency_s"] > 0


SMALL = resnet(3)


@pytest.mark.parametrize("strategy", _declared("EXAMPLES"))
def test_a_strategy_runs_on_an_fpga_or_is_refused_in_a_line(strategy):
    """Units have whole rows and columns, and none is faster than its products allow without a note that says what."""
    found = _applied(strategy, SMALL)
    if found is None:
        return
    if any(op.kind in COLLECTIVES for op in found.ops):
        with pytest.raises(ValueError, match="u250 has no link to other GPUs"):
            cm.estimate(found, cm.W4A4, cm.fpga("u250"))
        return
    if any(op.name.endswith(".codebooks") for op in found.ops):
        with pytest.raises(ValueError, match="no decoder of codebooks is built on u250"):
            cm.estimate(found, cm.W4A4, cm.fpga("u250"))
        return
    done = cm.estimate(found, _held(found, cm.W4A4, "int4"), cm.fpga("u250"))
    assert done.totals["throughput_per_s"] > 0
    assert all(math.isfinite(x) and x >= 0 for x in done.totals.values())
    named = {note.partition(" (")[0] for note in done.uncounted}
    for op, pe, simd, cycles in zip(found.ops, done.pe, done.simd, done.cycles, strict=True):
        if op.macs and simd:
            rate = op.macs / cycles
            assert rate <= pe * simd * op.weight_density * (1 + 1e-9) or op.name in named, op.name


def test_a_spelling_is_its_class():
    spelled = strategies.strategy("nm_sparsity:n=2,m=4")
    assert spelled == strategies.NMSparsity(2, 4) == strategies.strategy({"name": "nm_sparsity", "n": 2, "m": 4})


@pytest.mark.parametrize("strategy", [*_declared("EXAMPLES"), *_declared("IDENTITIES")])
def test_what_it_is_spelled_is_read_back(strategy):
    assert strategies.strategy(strategies.spelled(strategy)) == strategy


def test_every_strategy_has_an_example_to_choose():
    found = strategies.examples()
    assert found[0] == "none"
    assert [text.partition(":")[0] for text in found[1:]] == list(strategies.names())


def test_several_values_are_spelled_with_semicolons():
    spelled = strategies.strategy("nm_sparsity:n=2,m=4,layers=layer3.*;fc")
    assert spelled == strategies.NMSparsity(2, 4, ("layer3.*", "fc"))
    assert strategies.strategy("nm_sparsity:n=2,m=4,layers=fc") == strategies.NMSparsity(2, 4, ("fc",))
    assert strategies.strategy("token_pruning:keep=0.5,at=3;6").at == (3, 6)
    assert strategies.strategy("token_pruning:keep=0.5,at=3").at == (3,)


NUMBERED = Workload("numbered", tuple(linear(name, 4, 8, 8) for name in ("0", "2", "0.1")))
"""Layers as those of torch's nn.Sequential are called, and of one within another."""


@pytest.mark.parametrize(
    "spelled", ["nm_sparsity:n=2,m=4,layers=2", {"name": "nm_sparsity", "n": 2, "m": 4, "layers": [2]}]
)
def test_layers_may_be_called_by_numbers(spelled):
    found = strategies.strategy(spelled)
    assert found == strategies.NMSparsity(2, 4, ("2",)) == strategies.strategy(strategies.spelled(found))
    assert [op.weight_density for op in found(NUMBERED).ops] == [1, 0.5, 1]
    both = strategies.strategy("nm_sparsity:n=2,m=4,layers=2;0.1")
    assert [op.weight_density for op in both(NUMBERED).ops] == [1, 0.5, 0.5]


@pytest.mark.parametrize("value", [1, 0.5, True])
@pytest.mark.parametrize("name", strategies.names())
def test_a_number_where_text_is_meant_is_text_or_refused_in_a_line(name, value):
    example = strategies.strategy(next(s for s in strategies.examples() if s.partition(":")[0] == name))
    given = {"name": name} | {f.name: getattr(example, f.name) for f in fields(example) if f.init}
    for field in (f.name for f in fields(example) if f.init and (f.type is str or str in get_args(f.type))):
        for net in (NETS["resnet18"], NETS["resnet18-training"], NETS["llama-decode"], NETS["mixtral-decode"]):
            _applied(lambda net, field=field: strategies.strategy(given | {field: value})(net), net)


@pytest.mark.parametrize("spelled", ["aqlm:codebooks=1,code_bits=16,keep=0.5", "zeroquant_fp:rank=8,keep=lm_haed"])
def test_layers_to_keep_are_layers_of_the_network(spelled):
    with pytest.raises(ValueError, match=r"no layer of llama-3.2-1b matches '(0.5|lm_haed)'"):
        strategies.strategy(spelled)(NETS["llama-decode"])


def test_spellings_one_after_the_other():
    both = strategies.strategy("nm_sparsity:n=2,m=4 + none + nm_sparsity:n=1,m=8")
    assert both == strategies.compose(strategies.NMSparsity(2, 4), strategies.NMSparsity(1, 8))
    assert strategies.strategy(["nm_sparsity:n=2,m=4", "none", {"name": "nm_sparsity", "n": 1, "m": 8}]) == both


@pytest.mark.parametrize(
    ("spelled", "says"),
    [
        ("nm_sparcity:n=2,m=4", "did you mean nm_sparsity"),
        ("nm_sparsity", "^strategy nm_sparsity needs n and m, as nm_sparsity:n=2,m=4$"),
        ("nm_sparsity:n=2", "^strategy nm_sparsity needs m, as nm_sparsity:n=2,m=4$"),
        ("aqlm:codebooks=0", "^strategy aqlm needs code_bits, as aqlm:codebooks=1,code_bits=16$"),
        ("nm_sparsity:n=2,m=4,n=3", "^n is given twice in strategy"),
        ("nm_sparsity:n=2,m=4,name=x", "^name is given twice in strategy"),
        ("nm_sparsity:n=2,m=4,q=1", "unknown field of strategy nm_sparsity 'q'"),
        ("nm_sparsity:n=two,m=4", "n must be a whole number, got 'two'"),
        ("best_of_n:samples=1000000000000", "samples must be at most 1000000000, got 1000000000000"),
        ("nm_sparsity:n=1.5,m=4", "n must be a whole number, got 1.5"),
        ("filter_pruning:keep=nan", "strategy filter_pruning: keep must be a number, got 'nan'"),
        ("", "a strategy is needed, got ''; none leaves a network as it is"),
        ("nm_sparsity:n=2,m=4 +", r"a strategy is needed beside a \+ of 'nm_sparsity:n=2,m=4 \+'"),
        ("sparse_ift:sparsity=nan", "strategy sparse_ift: sparsity must be a number, got 'nan'"),
        ("edge_moe:bits=2:3:4", "strategy edge_moe: bits must be a number, got '2:3:4'"),
        ("fast_2bit:asynchronous=1", "asynchronous must be true or false, got 1"),
        ("token_pruning:keep=0.5,at=3;x", "at must be a whole number, got 'x'"),
        ({"name": "filter_pruning", "keep": float("nan")}, "keep must be a number, got nan"),
        ("nm_sparsity:2:4", "name:key=value"),
        ("none:n=2", "no fields"),
    ],
)
def test_bad_spellings_are_one_line(spelled, says):
    with pytest.raises(ValueError, match=says):
        strategies.strategy(spelled)


@pytest.mark.parametrize("step", [s for s in _declared("EXAMPLES") if getattr(s.values[0], "schedules", False)])
def test_what_schedules_a_training_comes_after_what_makes_it(step):
    net = cm.zoo.build("gpt2", phase="forward", batch=2, context=64)
    making = strategies.strategy("distributed_training:data=2")
    assert strategies.compose(making, step)(net).phase == "training"
    with pytest.raises(ValueError, match=r"schedules a training, which dist|changes a training"):
        strategies.compose(step, making)(net)


@pytest.mark.parametrize("strategy", _declared("EXAMPLES"))
def test_a_table_shares_weights_of_its_own_model_alone(strategy):
    for net in (NETS["llama-decode"], NETS["llama-prefill"]):
        if (found := _applied(strategy, net)) is not None:
            of = {op.name: op.shares for op in found.ops if op.shares}
            assert all(name.split("model.")[0] == head.split("lm_head")[0] for name, head in of.items())
