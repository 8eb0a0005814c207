"""The language zoo equals transformers' networks, counted by torch, in parameters and FLOPs, in all and by module.

What is compared: `forward`, whose attention counts the full square of scores as torch does, causal or not. Experts are
compared with transformers' batched implementation, which multiplies what is routed and nothing else, on any device.

Where the definition differs: DeepSeek-V3's router correction (one value an expert) is a parameter of the checkpoint
and here, but a buffer in transformers.
"""

import pytest
from language_models import EVERY
from transformers_oracle import BATCH, CONFIGS, TOKENS, flops, inputs, network, parameters, training_flops

from costmodel.workload import Workload
from costmodel.workload.feed_forward_shapes import Moe
from costmodel.workload.language_model import LanguageModel
from costmodel.workload.serving import forward
from costmodel.workload.training import training


def total(workload: Workload, quantity: str) -> float:
    return sum(getattr(op, quantity) for op in workload.ops)


def of_module(workload: Workload, module: str) -> float:
    return sum(op.flops for op in workload.ops if op.name == module or op.name.startswith(f"{module}."))


def router_corrections(model: LanguageModel) -> int:
    return sum(b.mlp.experts for b in model.blocks if isinstance(b.mlp, Moe) and b.mlp.router_correction)


LARGE = ("llama-3.1-405b", "llama-2-70b", "whisper-large-v3", "mixtral-8x22b", "gpt2-xl", "qwen3-8b", "qwen2.5-7b")
"""Sizes of families that are among the others."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.long if n in LARGE else ()) for n in CONFIGS])
def test_parameters_and_flops_equal_in_all_and_by_module(name):
    model, config = EVERY[name], CONFIGS[name]
    workload = forward(model, BATCH, TOKENS)
    net = network(config)
    in_all, by_module, _ = flops(net, **inputs(config))

    assert total(workload, "params") - router_corrections(model) == parameters(net)
    assert total(workload, "flops") == in_all
    assert by_module
    assert {module: of_module(workload, module) for module in by_module} == by_module


@pytest.mark.parametrize("name", ["llama-3.1-8b", "bert-base"])
def test_every_linear_layer_has_the_name_and_flops_of_its_module(name):
    config = CONFIGS[name]
    net = network(config)
    _, by_module, _ = flops(net, **inputs(config))
    workload = forward(EVERY[name], BATCH, TOKENS)

    weighted = {op.name: op.flops for op in workload.ops if op.kind == "linear"}
    modules = {m for m, module in net.named_modules() if type(module).__name__ == "Linear"}
    assert set(weighted) == modules
    assert weighted == {m: by_module[m] for m in modules}


SLOW = [pytest.param(name, marks=pytest.mark.long) for name in ("opt-350m", "deepseek-v2-lite", "mixtral-8x7b")]


@pytest.mark.parametrize("name", ["llama-3.2-1b", "gpt2", "bert-base", "whisper-tiny", *SLOW])
def test_a_training_step_has_the_flops_of_autograd(name):
    config, model = CONFIGS[name], EVERY[name]
    step = training(forward(model, BATCH, TOKENS))

    assert total(step, "flops") == training_flops(network(config), **inputs(config))
    assert total(step, "params") == total(forward(model, BATCH, TOKENS), "params")


PUBLISHED = {
    "llama-3.1-8b": 8_030_261_248,
    "llama-3.1-70b": 70_553_706_496,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.2-3b": 3_212_749_824,
    "mixtral-8x7b": 46_702_792_704,
    "mixtral-8x22b": 140_620_634_112,
    "qwen2.5-0.5b": 494_032_768,
    "qwen3-0.6b": 596_049_920,
    "qwen3-1.7b": 1_720_574_976,
    "qwen3-4b": 4_022_468_096,
    "qwen3-8b": 8_190_735_360,
    "qwen3-14b": 14_768_307_200,
    "qwen3-30b-a3b": 30_532_122_624,
    "deepseek-v2-lite": 15_706_484_224,
    "deepseek-v3": 671_026_419_200,
    "gpt2": 124_439_808,
    "bert-base": 109_482_240,
    "all-minilm-l6-v2": 22_713_216,
    "whisper-large-v3": 1_543_490_560,
}
"""Elements of the published checkpoints, as their model pages and users' listings of them report."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_equal_the_published_checkpoint(name):
    assert total(forward(EVERY[name], 1, 1), "params") == PUBLISHED[name]


@pytest.mark.parametrize(
    ("name", "billions", "digits"),
    [
        ("llama-2-7b", 6.74, 2),
        ("llama-2-13b", 13.02, 2),
        ("llama-2-70b", 68.98, 2),
        ("gpt3-125m", 0.125, 3),
        ("gpt3-1.3b", 1.3, 1),
        ("gpt3-2.7b", 2.7, 1),
        ("gpt3-6.7b", 6.7, 1),
        ("gpt3-13b", 13.0, 0),
        ("gpt3-175b", 175.0, 0),
        ("qwen3-235b-a22b", 235.1, 1),
    ],
)
def test_parameters_round_to_the_model_s_size(name, billions, digits):
    assert round(total(forward(EVERY[name], 1, 1), "params") / 1e9, digits) == billions
