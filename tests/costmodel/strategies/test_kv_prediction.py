"""KV Prediction: what an auxiliary model saves of a prefill, layer by layer."""

import pytest

import costmodel as cm
from costmodel.strategies import NMSparsity
from costmodel.strategies.kv_prediction import AUXILIARIES, KVPrediction, params_ratio, predictors, pruned
from costmodel.workload import Workload
from costmodel.zoo.openelm import MODELS, params

BASE = MODELS["openelm-1.1b"]


def macs(workload: Workload, prefix: str = "") -> float:
    return sum(op.macs for op in workload.ops if op.name.startswith(prefix))


COUNTED = {"450m": (0.985, 1.025), "270m": (0.985, 1.055), "0.75-layers": (1.0, 1.015), "0.50-layers": (1.02, 1.05),
           "0.25-layers": (1.09, 1.16)}  # fmt: skip
"""FLOPs saved over what the paper says, which is the ratio of parameters, on 59 to 2,048 tokens."""


@pytest.mark.parametrize("tokens", [59, 256, 2048])
@pytest.mark.parametrize(("name", "auxiliary", "keep", "printed"), AUXILIARIES)
def test_counted_savings_are_near_those_of_parameters(name, auxiliary, keep, printed, tokens) -> None:
    whole = cm.zoo.build("openelm-1.1b", phase="prefill", context=tokens)
    low, high = COUNTED[name]
    assert low < macs(whole) / macs(KVPrediction(auxiliary, keep)(whole)) / printed < high


@pytest.mark.parametrize(("auxiliary", "faster"), [("openelm-270m", 4.08), ("openelm-450m", 2.38)])
def test_counted_by_layers_it_saves_a_little_more_than_parameters_say(auxiliary: str, faster: float) -> None:
    """Attention and the head are in the count; the predictors are a fiftieth of it."""
    whole = cm.zoo.build("openelm-1.1b", phase="prefill", context=1024)
    predicted = KVPrediction(auxiliary)(whole)
    assert macs(whole) / macs(predicted) == pytest.approx(faster, abs=0.005)
    assert macs(whole) / macs(predicted) == pytest.approx(params_ratio("openelm-1.1b", auxiliary), rel=0.03)
    assert 0.01 < macs(predicted, "predictor.") / macs(predicted) < 0.025


def test_both_models_are_stored() -> None:
    whole = cm.zoo.build("openelm-1.1b", phase="prefill", context=64)
    stored = sum(op.params for op in KVPrediction("openelm-450m")(whole).ops)
    extra = sum(op.params for op in predictors(MODELS["openelm-450m"], BASE, 1))
    assert stored == params(BASE) + params(MODELS["openelm-450m"]) + extra


def test_every_layer_s_cache_is_predicted_from_the_layer_at_its_depth() -> None:
    ops = predictors(MODELS["openelm-450m"], BASE, 10)
    assert len(ops) == 2 * BASE.layers
    assert [op.n for op in ops[::2]] == [block.attention.cache_elements / 2 for block in BASE.blocks]
    assert (ops[0].inputs, ops[-1].inputs) == tuple(
        (f"auxiliary.transformer.layers.{i}.attn.qkv_proj",) for i in (0, 19)
    )


def test_the_first_token_costs_the_base_a_decode() -> None:
    whole = cm.zoo.build("llama-3.2-1b", phase="prefill", batch=3, context=50)
    predicted = KVPrediction(keep_layers=0.25)(whole)
    last = cm.zoo.build("llama-3.2-1b", phase="decode", batch=3, context=49)
    assert predicted.ops[-len(last.ops) :] == last.ops


@pytest.mark.parametrize(("keep", "layers"), [(0.25, 7), (0.5, 14), (0.75, 21), (1.0, 28)])
def test_pruning_keeps_some_of_each_four_layers(keep: float, layers: int) -> None:
    assert pruned(BASE, keep).layers == layers


@pytest.mark.parametrize(
    ("fields", "says"),
    [({"keep_layers": 0.3}, r"keep_layers must be one of 0\.25, 0\.5, 0\.75, 1\.0, got 0\.3"),
     ({"auxiliary": "openelm-271m"}, "did you mean openelm-270m"), ({"auxiliary": "resnet18"}, "vision network")],
)  # fmt: skip
def test_bad_fields_are_one_line(fields: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        KVPrediction(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("workload", "says"),
    [(cm.zoo.build("llama-3.2-1b", phase="decode"), "takes a decoder's prefill"),
     (cm.zoo.build("whisper-tiny", phase="prefill", context=4), "takes a decoder's prefill"),
     (cm.zoo.build("resnet18"), "vision network"),
     (cm.zoo.build("llama-3.2-1b", phase="prefill", context=9), "32000 tokens in its vocabulary, llama-3.2-1b has"),
     (NMSparsity(2, 4)(cm.zoo.build("openelm-1.1b", phase="prefill", context=9)), "must be the first strategy")],
)  # fmt: skip
def test_passes_that_do_not_fit_are_refused(workload: Workload, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        KVPrediction("openelm-270m")(workload)
