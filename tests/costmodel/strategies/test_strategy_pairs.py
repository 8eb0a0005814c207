"""What two strategies make of a network in either order."""

import importlib
import itertools
from functools import cache

import pytest

import costmodel as cm
from costmodel import strategies
from costmodel.strategies import strategy

LLAMA = cm.decode(cm.zoo.llama("3.1-8b"), batch=2, context=512)
RESNET = cm.zoo.build("resnet18")
MIXTRAL = cm.zoo.build("mixtral-8x7b", phase="decode", batch=2, context=128)
CODED = ("aqlm:codebooks=2,code_bits=8", "double_rounding", "fast_2bit", "fast_2bit:asynchronous=false")


def _sums(net, *names):
    return {name: sum(float(getattr(op, name)) for op in net.ops) for name in names}


@pytest.mark.parametrize("net", [LLAMA, MIXTRAL], ids=["llama", "mixtral"])
@pytest.mark.parametrize("coded", CODED)
def test_a_split_follows_dequantised_layers(net, coded):
    """Each op of the coded split is the split coded: weights, codebooks and dequantisation."""
    first, last = (strategy(s)(net) for s in (f"{coded} + parallel:tensor=2", f"parallel:tensor=2 + {coded}"))
    told = ("macs", "params", "vector_flops", "output_elements")
    assert _sums(first, "macs", "params") == pytest.approx(_sums(last, "macs", "params"), rel=1e-9)
    assert _sums(first, *told) == pytest.approx(_sums(last, *told), rel=1e-3)  # rows' scales are shared, see tensor.py
    assert _sums(first, "params")["params"] < 0.56 * _sums(net, "params")["params"]


@pytest.mark.parametrize(
    ("net", "wide"),
    [(LLAMA, "best_of_n:samples=4"), (MIXTRAL, "best_of_n:samples=4"), (MIXTRAL, "null_experts:null_experts=8")],
    ids=["llama-best", "mixtral-best", "mixtral-null"],
)
@pytest.mark.parametrize("coded", [*CODED, "double_rounding:every=10"])
def test_dequantisation_reads_weights_whatever_the_sequences(coded, net, wide):
    first, last = (strategy(s)(net) for s in (f"{coded} + {wide}", f"{wide} + {coded}"))
    told = ("macs", "params", "vector_flops", "weight_flops")
    assert _sums(first, *told) == pytest.approx(_sums(last, *told), rel=1e-9)


FEWER = ("lazy_llm", "token_merging:r=16", "visual_tokens:visual=64,kept=4", "parallel:data=2")


@pytest.mark.parametrize("coded", CODED)
@pytest.mark.parametrize("fewer", FEWER)
def test_dequantisation_reads_weights_whatever_the_tokens(coded, fewer):
    net = cm.zoo.build("llama-3.2-1b", phase="prefill", batch=2, context=128)
    first, last = (strategy(s)(net) for s in (f"{coded} + {fewer}", f"{fewer} + {coded}"))
    told = ("macs", "params", "vector_flops", "weight_flops")
    assert _sums(first, *told) == pytest.approx(_sums(last, *told), rel=1e-9)


def test_experts_that_fewer_tokens_reach_are_dequantised():
    net = cm.zoo.build("mixtral-8x7b", phase="prefill", context=4)
    first, last = (strategy(s)(net) for s in ("fast_2bit + lazy_llm", "lazy_llm + fast_2bit"))
    assert _sums(first, "weight_flops") == pytest.approx(_sums(last, "weight_flops"), rel=1e-9)
    assert (
        _sums(first, "weight_flops")["weight_flops"] < _sums(strategy("fast_2bit")(net), "weight_flops")["weight_flops"]
    )


NULL, SQUARES = "null_experts:null_experts=8", "block_sparsity:density=0.5"
LEAVING = ("lazy_llm", "token_pruning:keep=0.5,at=1")


@pytest.mark.parametrize(
    ("changed", "rerouted"),
    [
        *itertools.product((SQUARES, NULL, "parallel:tensor=2"), LEAVING),
        *itertools.product((SQUARES, "zeroquant_fp:rank=8", "parallel:tensor=2"), (NULL,)),
    ],
)
def test_experts_of_fewer_rows_keep_what_was_made_of_them(changed, rerouted):
    """Factors of a low rank read their results beside, squares of zeros take inputs away."""
    net = cm.zoo.build("mixtral-8x7b", phase="prefill", context=8)
    first, last = (strategy(s)(net) for s in (f"{changed} + {rerouted}", f"{rerouted} + {changed}"))
    told = ("macs", "input_elements", "output_elements", "vector_flops", "weight_reads")
    found = [_sums(cm.Workload("experts", tuple(op for op in each.ops if ".gate" not in op.name)), *told)
             for each in (first, last)]  # fmt: skip
    assert found[0] == pytest.approx(found[1], rel=1e-9)


def test_a_dequantisation_without_its_layer_is_refused():
    orphan = cm.Workload("orphan", tuple(op for op in strategy(CODED[1])(LLAMA).ops if op.name != "lm_head"))
    with pytest.raises(ValueError, match=r"lm_head.narrow makes weights of lm_head, which is no op here any more"):
        strategy("parallel:tensor=2")(orphan)


@pytest.mark.parametrize(
    ("spelled", "says"),
    [
        ("nm_sparsity:n=2,m=4 + block_sparsity:density=0.5", "layer1.0.conv1 of resnet18 is sparse already"),
        ("double_rounding + block_sparsity:density=0.5", "is made of weights stored otherwise: sparsify it before"),
        ("double_rounding + nm_sparsity:n=2,m=4", "is made of weights stored otherwise: sparsify it before"),
        ("double_rounding:every=10 + nm_sparsity:n=2,m=4", "is made of weights stored otherwise: sparsify it before"),
        ("sparse_ift:sparsity=0.75 + block_sparsity:density=0.5", "is sparse already"),
        ("nm_sparsity:n=2,m=4 + sparse_ift:sparsity=0.5", "is sparse already"),
        ("block_sparsity:density=0.5 + filter_pruning:keep=0.5", "has a part of its channels left out already"),
        ("dynamic_filters:keep=0.5 + filter_pruning:keep=0.5", "has a part of its channels left out already"),
        ("dynamic_filters:keep=0.7 + nm_sparsity:n=2,m=4", "runs by input in part: sparsify it before it is gated"),
        (
            "unstructured_sparsity:density=0.5,storage=csr + filter_pruning:keep=0.5",
            "of rows and columns where its weig",
        ),
        ("double_rounding + filter_pruning:keep=0.5", "channels change before weights are coded"),
        ("nm_sparsity:n=2,m=4,layers=nosuch*", r"no layer of resnet18 matches 'nosuch\*'"),
        ("block_sparsity:density=0.5,layers=layr3.*", r"did you mean layer3"),
        ("zeroquant_fp:rank=4,layers=layr3.*", r"did you mean layer3"),
        ("sparse_attention:keep=0.5,layers=layr3.*", r"did you mean layer3"),
        ("double_rounding:layers=layr3.*", r"did you mean layer3"),
        ("filter_pruning:by_layer=layr3.*=0.5", r"did you mean layer3"),
        ("sparse_ift:sparsity=0.5,layers=layr3.*", r"did you mean layer3"),
        ("dynamic_filters:keep=0.5,layers=layr3.*", r"did you mean layer3"),
    ],
)
def test_what_would_change_nothing_is_refused(spelled, says):
    with pytest.raises(ValueError, match=says) as raised:
        strategy(spelled)(RESNET)
    assert "\n" not in str(raised.value)


CHANNELS = ("filter_pruning:keep=0.5", "sparse_ift:sparsity=0.5", "dynamic_filters:keep=0.5")
COPIES = (*CODED, "double_rounding:every=10", "zeroquant_fp:rank=4")


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("coded", COPIES)
def test_channels_change_before_what_is_made_of_weights(coded, channels):
    with pytest.raises(ValueError, match=r"channels change before weights are coded|sparsify it"):
        strategy(f"{coded} + {channels}")(PAIR_NETS["llama-prefill"])
    assert strategy(f"{channels} + {coded}")(PAIR_NETS["llama-prefill"]).ops


@pytest.mark.parametrize("pair", list(itertools.permutations((*CODED, "double_rounding:every=10"), 2)), ids=" + ".join)
def test_weights_are_coded_once(pair):
    with pytest.raises(ValueError, match="is made of weights stored otherwise: code it once"):
        strategy(" + ".join(pair))(PAIR_NETS["llama-decode"])


def test_channels_go_from_sparse_layers_whose_density_stays():
    sparse = strategy("unstructured_sparsity:density=0.5")(RESNET)
    pruned = strategy("filter_pruning:keep=0.5")(sparse)
    assert pruned.op("layer1.0.conv1").weight_density == 0.5
    assert _sums(pruned, "macs")["macs"] < 0.6 * _sums(sparse, "macs")["macs"]


def test_null_experts_come_before_experts_leave_memory():
    assert strategy("null_experts:null_experts=8 + edge_moe:cached=4")(MIXTRAL).ops
    with pytest.raises(ValueError, match="chooses among 8 experts of which 4 are stored: add null experts once"):
        strategy("edge_moe:cached=4 + null_experts:null_experts=8")(MIXTRAL)


def test_tokens_merge_after_the_split_and_after_channels_go():
    deit = cm.zoo.build("deit_tiny_patch16_224")
    merging = strategy("token_merging:r=8")(deit)
    with pytest.raises(ValueError, match="channels change before tokens merge"):
        strategy("filter_pruning:keep=0.5")(merging)
    with pytest.raises(ValueError, match="compares keys of all heads; split deit_tiny_patch16_224 before its tokens"):
        strategy("parallel:tensor=3")(merging)


PAIR_NETS = {
    "llama-decode": cm.zoo.build("llama-3.2-1b", phase="decode", batch=4, context=512),
    "llama-prefill": cm.zoo.build("llama-3.2-1b", phase="prefill", context=64),
    "deit": cm.zoo.build("deit_tiny_patch16_224", batch=2),
    "resnet18": cm.zoo.build("resnet18"),
    "mixtral": MIXTRAL,
}
EXAMPLES = {n: importlib.import_module(f"costmodel.strategies.{n}").EXAMPLES for n in strategies.names()}
FIRST = {n: examples[0] for n, examples in EXAMPLES.items()}
ADDS = {
    "speculative_decoding": "a draft, which is edited as well by what comes after",
    "specdec_plus_plus": "a draft, which is edited as well by what comes after",
    "verified_search": "a verifier, which is edited as well by what comes after",
    "resampling": "a verifier, where one judges, which is edited as well by what comes after",
    "distributed_training": "gradients of the layers as they come, which are edited before",
    "zeroquant_fp": "factors of a low rank, edited as well by what comes after",
    "sparse_attention": "products that find its pattern, edited as well by what comes after",
    "dynamic_filters": "predictors, edited as well by what comes after",
}
ORDERED = {
    ("best_of_n", "padded_batches"): "padding is that of the batch that it is given",
    ("padded_batches", "parallel"): "padding is that of the whole batch, or of each replica's",
    ("compound_scaling", "padded_batches"): "the context is scaled in whole tokens, before it is padded or after",
    ("lazy_llm", "padded_batches"): "tokens that are left are whole ones, of the padded or before they are padded",
    ("padded_batches", "token_merging"): "so many tokens merge of the padded, and compared ones are padded no more",
    ("padded_batches", "token_pruning"): "tokens that are left are whole ones, of the padded or before they are padded",
    ("padded_batches", "visual_tokens"): "tokens leave the padded context, or what is left is padded",
    ("block_sparsity", "null_experts"): "the router is pruned as it is, or with its columns for null experts",
    ("null_experts", "sparse_ift"): "the router is made sparse with its columns for null experts, or without",
    ("block_sparsity", "parallel"): "whole squares are kept of a layer, or of each GPU's part of it",
    (
        "filter_pruning",
        "sparse_ift",
    ): "ranks and widths are those of a layer before its channels go, or after",
}


@cache
def _applied(net, which, *names):
    """The workload after those strategies in turn by their examples at `which`, None where one refuses in a line."""
    before = _applied(net, which, *names[:-1]) if names else PAIR_NETS[net]
    if not names or before is None:
        return before
    examples = EXAMPLES[names[-1]]
    try:
        return examples[min(which, len(examples) - 1)](before)
    except ValueError as error:
        if "\n" in str(error):
            raise
        return None


NEARLY = {
    ("aqlm", "parallel"): 0.04,  # scales of summed rows are each GPU's own, or shared
    ("filter_pruning", "token_pruning"): 1e-4,  # channels are whole, and so are tokens
    ("sparse_ift", "token_pruning"): 1e-4,
}
"""Relative differences of vector operations where both orders are right about something else."""

SHORT = [(net, 0) for net in PAIR_NETS if net != "mixtral"] + [("deit", 3), ("resnet18", 3)]
LONG = [
    pytest.param(net, which, marks=pytest.mark.long)
    for net in PAIR_NETS
    for which in range(3)
    if (net, which) not in SHORT
]


@pytest.mark.parametrize(("net", "which"), [*SHORT, *LONG])
def test_either_order_makes_the_same_of_a_network(net, which):
    """Or it is stated why not, or one order is refused."""
    for one, other in itertools.combinations(EXAMPLES, 2):
        if (one, other) in ORDERED or {one, other} & set(ADDS):
            continue
        found = _applied(net, which, one, other), _applied(net, which, other, one)
        if None not in found:
            sums = [_sums(each, "macs", "params", "fetched_elements") for each in found]
            assert sums[0] == pytest.approx(sums[1], rel=1e-9), (one, other)
            flops = [sum(float(op.count * op.vector_flops) for op in each.ops) for each in found]
            assert flops[0] == pytest.approx(flops[1], rel=NEARLY.get((one, other), 1e-9)), (one, other)
    _applied.cache_clear()


@pytest.mark.parametrize(
    ("pair", "net", "which"),
    [
        (("best_of_n", "padded_batches"), "llama-decode", 0),
        (("block_sparsity", "null_experts"), "mixtral", 0),
        (("null_experts", "sparse_ift"), "mixtral", 3),
        (("block_sparsity", "parallel"), "llama-decode", 3),
        (("filter_pruning", "sparse_ift"), "resnet18", 1),
        (("padded_batches", "parallel"), "llama-decode", 2),
        (("padded_batches", "visual_tokens"), "llama-decode", 0),
    ],
)
def test_stated_pairs_do_differ(pair, net, which):
    assert pair in ORDERED
    found = [_applied(net, which, *names) for names in (pair, pair[::-1])]
    sums = [_sums(each, "macs", "params") for each in found]
    assert sums[0] != pytest.approx(sums[1], rel=1e-9)


@pytest.mark.parametrize("more", ["best_of_n:samples=4", "verified_search:width=4"])
def test_batches_are_padded_once_they_are_as_large_as_they_get(more):
    assert strategy(f"{more} + padded_batches")(LLAMA).batch == 8
    with pytest.raises(ValueError, match=r"padded_batches counted the padding of 2 sequences, .* makes 8: put it last"):
        strategy(f"padded_batches + {more}")(LLAMA)


def test_sequences_are_more_before_experts_leave_memory():
    with pytest.raises(ValueError, match=r"brings what its batch misses; take more sequences before"):
        strategy("edge_moe:cached=4 + best_of_n:samples=4")(MIXTRAL)


STORED = {
    "nm_sparsity:n=2,m=4": 0.5 * 6 / 4,
    "unstructured_sparsity:density=0.1": 0.1 * 14 / 4,
    "double_rounding": 8 / 4,
    "fast_2bit:wide_share=0.25": 4.5 / 4,
    "aqlm:codebooks=1,code_bits=16": 1.0,
}
"""What is stored of each expert over four bits a weight."""


@pytest.mark.parametrize("foreseen", [0, 0.5, 1])
@pytest.mark.parametrize(("stored", "share"), STORED.items())
def test_experts_are_loaded_as_they_are_stored(stored, share, foreseen):
    """Before they leave memory; after it, what would change their storage is refused, what does not commutes."""
    edge = f"edge_moe:cached=2,foreseen={foreseen}"
    plain, found = (strategy(s)(MIXTRAL) for s in (edge, f"{stored} + {edge}"))
    assert _brought(found) == pytest.approx(share * _brought(plain), rel=1e-9)
    if share != 1:
        with pytest.raises(ValueError, match="is loaded as its experts are stored: change them before"):
            strategy(f"{edge} + {stored}")(MIXTRAL)
        return
    after, told = strategy(f"{edge} + {stored}")(MIXTRAL), ("macs", "params", "vector_flops", "weight_flops")
    assert _brought(after) == _brought(found)
    assert _sums(after, *told) == pytest.approx(_sums(found, *told), rel=1e-9)


def _brought(net):
    sent = sum(float(op.output_elements) for op in net.ops if op.kind == "load")
    return sent + _sums(net, "fetched_elements")["fetched_elements"]


@pytest.mark.parametrize(
    ("spelled", "says"),
    [
        ("double_rounding:every=100 + edge_moe", "narrow keeps all experts of mixtral-8x7b in memory: narrow them as"),
        ("edge_moe + edge_moe", "is loaded as its experts are stored: change them before"),
    ],
)
def test_experts_leave_memory_once_and_whole(spelled, says):
    with pytest.raises(ValueError, match=says):
        strategy(spelled)(MIXTRAL)


@pytest.mark.parametrize(
    ("spelled", "says"),
    [
        ("fast_2bit + nm_sparsity:n=2,m=4", "llama-3.1-8b is made of weights stored otherwise: sparsify it before"),
        ("zeroquant_fp:rank=4 + lazy_llm", "attention is read by model.layers.0.self_attn.o_proj.lorc_in and model.*"
         "o_proj: let them leave before products are added"),
        ("distributed_training:micro_batches=8 + padded_batches", "in passes of 2, of which padding is: padded_ba"),
    ],
)  # fmt: skip
def test_an_order_that_would_mislead_is_refused(spelled, says):
    nets = {"fast_2bit": LLAMA, "zeroquant_fp": PAIR_NETS["llama-prefill"]}
    net = nets.get(spelled.partition(":")[0].split(" ")[0], cm.zoo.build("gpt2", phase="forward", batch=2, context=64))
    with pytest.raises(ValueError, match=says):
        strategy(spelled)(net)
    assert strategy(" + ".join(reversed(spelled.split(" + "))))(net).ops


@pytest.mark.parametrize("stage", ["", ",stage=0"])
@pytest.mark.parametrize("leaving", ["lazy_llm", "token_pruning:keep=0.5,at=1", "token_merging:r=2"])
def test_tokens_leave_by_depth_before_a_stage_is_cut(leaving, stage):
    net, staged = PAIR_NETS["llama-prefill"], f"parallel:pipeline=2{stage}"
    stage = strategy(staged)(net)
    for direct in (lambda: strategy(f"{staged} + {leaving}")(net), lambda: strategy(leaving)(stage)):
        with pytest.raises(ValueError, match=r"counts the layers of llama-3.2-1b from its first, .*: put it before$"):
            direct()
    assert strategy(f"{leaving} + {staged}")(net).ops
    assert strategy(f"parallel:tensor=2 + {leaving}")(net).ops


REPEATING = (
    "revisions:revisions=3", "quiet_star:thought_tokens=8", "early_stop:samples=16,correct=0.6",
    "resampling:samples=10,correct=0.4", "best_of_n:samples=4",
)  # fmt: skip
BESIDE = ("speculative_decoding", "specdec_plus_plus", "verified_search:width=4,ahead=2")


@pytest.mark.parametrize(
    ("repeating", "model"), [*itertools.product(REPEATING, BESIDE), *itertools.product(["padded_batches"], BESIDE[:2])]
)  # padding is that of the batch, which a search's candidates make larger
def test_a_model_beside_runs_for_every_token_that_is_written(repeating, model):
    first, last = (strategy(s)(LLAMA) for s in (f"{repeating} + {model}", f"{model} + {repeating}"))
    told = ("macs", "params", "count")
    assert _sums(first, *told) == pytest.approx(_sums(last, *told), rel=1e-9)


NARROWED = ("double_rounding", "double_rounding:every=10", "fast_2bit:asynchronous=false")


@pytest.mark.parametrize(
    ("repeating", "coded"), [*itertools.product([*REPEATING, "distributed_training:micro_batches=4"], NARROWED)]
)
def test_weights_are_made_for_every_pass_that_is_run(repeating, coded):
    net = TRAINED if repeating.startswith("distributed") else LLAMA
    first, last = (_executed(strategy(s)(net)) for s in (f"{coded} + {repeating}", f"{repeating} + {coded}"))
    assert first == pytest.approx(last, rel=1e-9)


TRAINED = cm.zoo.build("gpt2", phase="forward", batch=2, context=32)


def _executed(net):
    """Vector operations, and weights that all executions read."""
    flops = sum(float(op.count * op.vector_flops) for op in net.ops)
    return flops, sum(float(op.count * op.weight_elements * op.weight_reads) for op in net.ops)


@pytest.mark.parametrize("shared", ["parallel:tensor=2", "parallel:pipeline=2", "parallel:pipeline=2,stage=0"])
@pytest.mark.parametrize("beside", ["speculative_decoding", "specdec_plus_plus", "verified_search"])
def test_models_come_beside_before_gpus_share_them(shared, beside):
    with pytest.raises(ValueError, match=r"before (GPUs share|parallel)"):
        strategy(f"{shared} + {beside}")(LLAMA)
    replicas = [strategy(s)(LLAMA) for s in (f"parallel:data=2 + {beside}", f"{beside} + parallel:data=2")]
    assert _sums(replicas[0], "macs", "params") == pytest.approx(_sums(replicas[1], "macs", "params"), rel=1e-9)


@pytest.mark.parametrize(("beside", "op"), [("speculative_decoding", "draft"), ("verified_search", "verifier")])
def test_a_pipeline_has_no_other_model_beside_its_stages(beside, op):
    with pytest.raises(ValueError, match=rf"a draft or verifier beside it: {op}\.\S+ is beside llama-3.1-8b$"):
        strategy(f"{beside} + parallel:pipeline=4")(LLAMA)
    assert strategy(f"{beside} + parallel:tensor=2")(LLAMA).ops


JUDGING = "resampling:samples=4,correct=0.4,verifier=llama-3.2-1b"


@pytest.mark.parametrize(
    ("spelled", "says"),
    [
        (f"{JUDGING} + verified_search", "llama-3.1-8b is judged once, drafts before verifiers: verifier.model.embed_"),
        (f"verified_search + {JUDGING}", "llama-3.1-8b is judged once"),
        (f"{JUDGING} + speculative_decoding", "llama-3.1-8b has drafts once, drafts before verifiers: verifier.model."),
        ("specdec_plus_plus + speculative_decoding", "llama-3.1-8b has drafts once, .*: draft.model.embed_tokens is"),
    ],
)
def test_one_draft_and_then_one_verifier(spelled, says):
    with pytest.raises(ValueError, match=says):
        strategy(spelled)(LLAMA)
