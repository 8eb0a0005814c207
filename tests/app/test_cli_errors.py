"""What nobody should give a command: one line on standard error, exit status 2, nothing written."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

CALLS = {
    "estimate": ("zoo:resnet18", "--on", "l4"),
    "optimize": ("zoo:resnet18", "--on", "l4", "--formats", "int4"),
    "front": ("zoo:resnet18", "--on", "l4", "--formats", "int4"),
    "crossover": ("zoo:resnet18", "--design", "l4@w8a8", "--design", "t4@w8a8", "--axis", "batch=1:4"),
    "explore": ("space.toml", "--out", "run"),
    "indices": ("space.toml", "--metric", "latency_s"),
    "diff": ("run_a", "run_b"),
    "report": ("plan.json", "--out", "out"),
    "rerun": ("plan.json",),
    "export": ("torchao", "plan.json", "--out", "out.json"),
    "validate": ("rows.csv",),
    "calibrate": ("rows.csv",),
    "completion": ("bash",),
}
SPOILT = ("", "*", "9" * 5000, "no\nsuch", "é", "../..", "/dev/null")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("value", SPOILT, ids=range(len(SPOILT)))
def test_a_spoilt_argument_is_one_line(refused_here: Callable[..., str], tmp_path: Path, name: str, value: str) -> None:
    line = refused_here(name, value, *CALLS[name][1:], cwd=tmp_path)
    assert len(line) < 1000
    assert list(tmp_path.iterdir()) == []


def test_the_default_precision_is_named_where_an_fpga_has_none_of_it(process) -> None:
    done = process("estimate", "zoo:resnet18", "--on", "zcu104")
    assert done.returncode == 2
    assert done.stderr.endswith("got bf16 for layer conv1; bf16 is the default: give --precision, as w8a8\n")


TOKENS = {"num_bits": 8, "type": "int", "strategy": "token", "symmetric": True, "dynamic": True}


@pytest.mark.parametrize(
    ("activations", "hint", "given"),
    [
        (TOKENS, "bf16 is what the file does not state: give it with --assign '*=fp16'", ("--assign", "*=fp16")),
        (None, "that is as the file states: give another with --precision, as int8/fp16", ("--precision", "int8/fp16")),
    ],
)
def test_a_format_of_a_file_that_the_device_lacks_has_a_way_out(process, tmp_path, activations, hint, given) -> None:
    """T4 has no bf16, in which a file's other layers, or the activations of its quantised ones, are."""
    weights = {"num_bits": 8, "type": "int", "strategy": "channel", "symmetric": True, "dynamic": False}
    group = {"targets": ["Linear"], "weights": weights, "input_activations": activations, "output_activations": None}
    left = ["re:.*self_attn.*", "lm_head"] if activations else []
    scheme = {"quant_method": "compressed-tensors", "config_groups": {"group_0": group}, "ignore": left}
    sizes = {"vocab_size": 96, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 4, "model_type": "llama", "architectures": ["LlamaForCausalLM"]}
    config = tmp_path / "config.json"
    config.write_text(json.dumps({**sizes, **heads, "quantization_config": scheme}))
    done = process("estimate", f"hf:{config}", "--on", "t4")
    assert done.returncode == 2
    assert "t4 has no bf16 pipe" in done.stderr
    assert done.stderr.endswith(f"; {hint}\n")
    assert process("estimate", f"hf:{config}", "--on", "t4", *given).returncode == 0
