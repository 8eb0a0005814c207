"""What transformers and torch count for a configuration: parameters, FLOPs by module."""

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.utils.flop_counter import FlopCounterMode
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

GOLDEN = Path(__file__).parents[2] / "golden"
CONFIGS: dict[str, dict[str, Any]] = json.loads((GOLDEN / "hf_configs.json").read_text())
BATCH, TOKENS = 2, 24
SMALL = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
"""Fields of a network of three layers, what its type adds left out."""

transformers.logging.set_verbosity_error()


def network(config: dict[str, Any], device: str = "meta") -> Any:
    """Build a configuration's network in inference mode; attention and experts as products that torch counts."""
    encoders = dict.fromkeys(
        ("bert", "roberta", "distilbert", "xlm-roberta", "camembert", "electra"), transformers.AutoModel
    )
    classes = encoders | {
        "whisper": transformers.AutoModelForSpeechSeq2Seq,
        "t5": transformers.AutoModelForSeq2SeqLM,
        "gemma3": transformers.AutoModelForImageTextToText,
    }
    of_type = CONFIG_MAPPING[config["model_type"]]
    settings = of_type(**{k: v for k, v in config.items() if k not in ("model_type", "auto_map", "torch_dtype")})
    settings._attn_implementation = "eager"
    settings._experts_implementation = "batched_mm"
    auto = classes.get(config["model_type"], transformers.AutoModelForCausalLM)
    with torch.device(device):
        return auto.from_config(settings).eval()


def inputs(config: dict[str, Any], device: str = "meta", tokens: int = TOKENS) -> dict[str, torch.Tensor]:
    """Return arguments for a forward of BATCH sequences."""
    ids = torch.ones(BATCH, tokens, dtype=torch.long, device=device)
    if config["model_type"] == "t5":
        source = torch.ones(BATCH, config["n_positions"], dtype=torch.long, device=device)
        return {"input_ids": source, "decoder_input_ids": ids}
    if config["model_type"] != "whisper":
        return {"input_ids": ids}
    frames = 2 * config["max_source_positions"]
    return {
        "input_features": torch.zeros(BATCH, config["num_mel_bins"], frames, device=device),
        "decoder_input_ids": ids,
    }


def parameters(net: torch.nn.Module) -> int:
    """Count the parameters, a shared one once."""
    return sum(p.numel() for p in net.parameters())


def flops(net: torch.nn.Module, **arguments: Any) -> tuple[int, dict[str, int], Any]:
    """Return the FLOPs of a forward, in all and by module's name, and what it returned."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        result = net(**arguments)
    by_module = {
        name.split(".", 1)[1]: sum(counts.values()) for name, counts in counter.get_flop_counts().items() if "." in name
    }
    return counter.get_total_flops(), by_module, result


def training_flops(net: torch.nn.Module, **arguments: Any) -> int:
    """Return the FLOPs of a forward and its backward from the sum of the outputs."""
    with FlopCounterMode(display=False) as counter:
        result = net(**arguments)
        (result["logits"] if "logits" in result else result["pooler_output"]).sum().backward()
    return counter.get_total_flops()
