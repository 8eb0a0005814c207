"""Configurations as transformers writes them: no key of a supported type's defaults is left uncounted for nothing."""

import json

import pytest
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from costmodel import catalog
from costmodel.importers import hf_config, hf_types

CHUNK = "attention_chunk_size=8192, counted as a window of that many tokens"
COSTS = {
    "gemma2": ("attn_logit_softcapping=50.0", "final_logit_softcapping=30.0"),
    "deepseek_v3": ("num_nextn_predict_layers=1",),
    "glm4_moe": ("num_nextn_predict_layers=1",),
    "llama4": (CHUNK, "vision_config: the encoder of images"),
    "llama4_text": (CHUNK,),
    "qwen3_5": ("vision_config: the encoder of images",),
    "qwen3_5_moe": ("vision_config: the encoder of images",),
    "gemma3": ("vision_config: the encoder of images",),
}
SPELLED = {"xlm_roberta": "xlm-roberta"}
CHOSEN = {
    "deepseek_v2": {"num_experts_per_tok": 6},
    "dots1": {"n_routed_experts": 128, "num_experts_per_tok": 6},
}
"""What a type has no usable default for."""


@pytest.mark.parametrize("changes", [True, False], ids=["changes", "all"])
@pytest.mark.parametrize("model_type", catalog.modules(hf_types))
def test_keys_that_cost_nothing_are_understood(tmp_path, model_type, changes):
    path = tmp_path / "config.json"
    path.write_text(
        CONFIG_MAPPING[SPELLED.get(model_type, model_type)](**CHOSEN.get(model_type, {})).to_json_string(
            use_diff=changes
        )
    )
    assert hf_config.read(path).uncounted == COSTS.get(model_type, ())


@pytest.mark.parametrize("key", ["sliding_window_pattern", "_sliding_window_pattern"])
def test_gemma_3_s_pattern_has_two_names(tmp_path, key):
    written = CONFIG_MAPPING["gemma3_text"](num_hidden_layers=4).to_dict()
    fields = {k: v for k, v in written.items() if k not in ("layer_types", "_sliding_window_pattern")} | {key: 2}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(fields))
    model = hf_config.read(path)
    assert [block.attention.window > 0 for block in model.blocks] == [True, False, True, False]
    assert not model.uncounted
