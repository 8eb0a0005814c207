"""bitfront estimate: the stable JSON, its sums, and one clear line for each kind of bad input."""

import importlib
import json
import math
from collections.abc import Callable
from pathlib import Path

import click
import pytest

import costmodel as cm
from app.text import within
from costmodel.estimators.prediction import SOURCES

TOTALS = [
    "params", "macs", "flops", "bops", "weight_bytes", "peak_activation_bytes", "bytes_moved", "latency_s", "energy_j",
]  # fmt: skip
PHASES = ("encode", "decode", "prefill")
FPGA_TOTALS = ["lut", "dsp", "bram18", "cycles", "throughput_per_s", "latency_s"]


def estimate(bitfront: Callable[..., object], *args: str) -> dict[str, object]:
    done = bitfront("estimate", *args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_gpu_json_has_the_stable_shape(bitfront: Callable[..., object]) -> None:
    found = estimate(bitfront, "zoo:resnet50", "--on", "a100_sxm", "--precision", "w8a8")
    assert (found["model"], found["device"], found["precision"]) == ("zoo:resnet50", "a100_sxm", "w8a8")
    assert set(TOTALS) <= set(found["totals"])
    assert found["uncounted"] == []
    assert found["totals"]["params"] == 25_557_032
    assert found["totals"]["flops"] == 2 * found["totals"]["macs"]
    for column in ("macs", "weight_bytes", "bytes_moved", "latency_s", "roofline_s", "energy_j"):
        assert math.isclose(sum(layer[column] for layer in found["layers"]), found["totals"][column], rel_tol=1e-12)
    totals = found["totals"]
    assert totals["roofline_s"] < totals["latency_low_s"] < totals["latency_s"] < totals["latency_high_s"]
    for layer in found["layers"]:
        assert layer["bound"] in ("compute", "memory", "latency", "none")
        assert layer["latency_low_s"] <= layer["latency_s"] <= layer["latency_high_s"]
        assert layer["source"].split(" (")[0] in SOURCES
        assert layer["extrapolated"] in (True, False)
    assert set(found["latency_sources"]) == {"calibrated", "spec", "fitted roofline", "fused"}
    assert math.isclose(sum(found["latency_sources"].values()), 1.0)
    assert "CUDA graph" in found["counting"]["latency"]


def test_fpga_json_has_resources_and_no_invented_ones(bitfront: Callable[..., object]) -> None:
    found = estimate(bitfront, "zoo:resnet18", "--on", "zcu104", "--precision", "w4a4")
    assert set(FPGA_TOTALS) <= set(found["totals"])
    assert "roofline_s" not in found["totals"]
    assert found["totals"]["latency_low_s"] <= found["totals"]["latency_s"] <= found["totals"]["latency_high_s"]
    assert "latency_sources" not in found
    assert "latency" not in found["counting"]
    assert found["totals"]["throughput_per_s"] > 0


def test_a_model_beyond_an_fpga_says_so(bitfront: Callable[..., object]) -> None:
    found = estimate(bitfront, "zoo:llama-3.2-1b", "--on", "zcu104", "--precision", "w4a4")
    assert found["fits"] is False
    assert found["beyond"]["bram18"] > 100
    assert found["notes"][0].startswith("It does not fit zcu104 (")
    overlay = ("zoo:llama-3.1-8b", "--on", "zcu104", "--precision", "w4a4", "--mapping", "overlay")
    assert list(estimate(bitfront, *overlay)["beyond"]) == ["footprint_bytes"]


def test_assign_changes_the_layers_that_match(bitfront: Callable[..., object]) -> None:
    args = ("zoo:resnet18", "--on", "h100_sxm", "--precision", "bf16", "--assign", "layer3.*=w4a16")
    found = estimate(bitfront, *args)
    widths = {layer["name"]: layer["precision"] for layer in found["layers"]}
    assert widths["layer3.0.conv1"] == "int4/bf16"
    assert widths["layer1.0.conv1"] == "bf16/bf16"


def test_what_was_counted_is_said(bitfront: Callable[..., object]) -> None:
    said = {phase: bitfront("estimate", "zoo:whisper-tiny", "--on", "l4", "--phase", phase) for phase in PHASES}
    alone = "Counted: one token of one sequence after 447 cached, the decoder alone; "
    alone += "a transcription is one of these a token"
    assert alone in said["decode"].stdout
    assert "Counted: the encoder on 1500 positions" in said["encode"].stdout
    assert "a transcription is this and one decode a token" in said["encode"].stdout
    assert "then the decoder on a prompt of 448 tokens" in said["prefill"].stdout
    refused = bitfront("estimate", "zoo:whisper-tiny", "--on", "l4", "--phase", "encode", "--context", "4")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "takes no context, got 4" in refused.stderr
    found = estimate(bitfront, "zoo:resnet18", "--on", "l4", "--batch", "2")
    assert found["counting"]["pass"] == "2 images of 224 x 224 pixels"


def test_how_often_answers_are_right_is_told(bitfront: Callable[..., object]) -> None:
    args = ("zoo:llama-3.2-1b", "--on", "l4", "--precision", "bf16", "--context", "64", "--strategy")
    done = bitfront("estimate", *args, "resampling:samples=4,false_positive=0.1,correct=0.5")
    assert "\nAnswers: 87.2% right, 8.7% wrong.\n" in done.stdout
    assert estimate(bitfront, *args, "early_stop:samples=3,correct=0.5")["answers"] == {"right": 0.5, "wrong": 0.5}


@pytest.mark.parametrize(
    ("model", "strategy", "idle"),
    [
        ("zoo:llama-3.2-1b", "nm_sparsity:n=2,m=3", ["nm_sparsity:n=2,m=3"]),
        ("zoo:llama-3.2-1b", "block_sparsity:density=0.5,block=7", ["block_sparsity:density=0.5,block=7"]),
        ("zoo:llama-3.2-1b", "dynamic_filters:keep=0.5 + nm_sparsity:n=2,m=4", ["dynamic_filters:keep=0.5"]),
        ("zoo:llama-3.2-1b", "parallel + parallel", ["parallel"]),
        ("zoo:resnet18", "nm_sparsity:n=2,m=4", []),
        ("zoo:resnet18", "none", []),
        ("zoo:llama-3.2-1b", "early_stop:samples=3,correct=0.5", []),
    ],
)
def test_a_strategy_that_changes_nothing_is_told(
    here: Callable[..., object], model: str, strategy: str, idle: list[str]
) -> None:
    args = (model, "--on", "l4", "--strategy", strategy)
    notes = estimate(here, *args)["notes"]
    assert [note.partition(" leaves ")[0] for note in notes] == idle
    for note in notes:
        assert note.endswith(" as it is: it touches none of its layers.")
        assert f"\n{note}\n" in here("estimate", *args).stdout


def test_batch_and_context_change_the_pass(bitfront: Callable[..., object]) -> None:
    base = ("zoo:llama-3.1-8b", "--on", "h100_sxm", "--precision", "w4a16")
    one = estimate(bitfront, *base, "--batch", "1", "--context", "1024")
    eight = estimate(bitfront, *base, "--batch", "8", "--context", "8192")
    assert eight["totals"]["kv_bytes"] * 1025 == one["totals"]["kv_bytes"] * 8 * 8193
    assert eight["totals"]["params"] == one["totals"]["params"] == 8_030_261_248


def test_table_names_the_pass_and_units(bitfront: Callable[..., object]) -> None:
    done = bitfront("estimate", "zoo:resnet50", "--on", "a100_sxm", "--layers")
    assert done.returncode == 0
    assert "layer1.0.conv1" in done.stdout
    assert "batch 1" in done.stdout
    assert "Latency: " in done.stdout
    assert "% calibrated" in done.stdout
    assert " ms" in done.stdout or " µs" in done.stdout


def test_every_layer_has_its_source_and_its_interval(bitfront: Callable[..., object]) -> None:
    args = ("zoo:opt-125m", "--on", "h100_sxm", "--precision", "w4a16")
    done, told = bitfront("estimate", *args, "--layers"), estimate(bitfront, *args)
    head, *rows = done.stdout.splitlines()[1:]
    for layer in told["layers"][:8]:
        row = next(line for line in rows if line.startswith(layer["name"] + " "))
        low, high = (layer[f"latency_{end}_s"] for end in ("low", "high"))
        assert within("latency_s", low, high) in row
        assert row.rstrip().endswith(layer["source"].split(" (")[0])
    assert {"within", "source"} <= set(head.split())


def test_an_interval_is_in_the_unit_of_its_upper_end() -> None:
    assert within("latency_s", 162.3e-6, 853.8e-6) == "162.3-853.8 µs"
    assert within("latency_s", 900e-6, 1.2e-3) == "0.9-1.2 ms"
    assert within("latency_s", 0.0, 0.0) == "0"
    assert within("latency_s", math.nan, math.nan) == "-"


@pytest.mark.parametrize("columns", [80, 120, 160])
@pytest.mark.parametrize(("device", "precision"), [("zcu102", "w4a4"), ("h100_sxm", "w8a8")])
def test_layers_keep_to_a_line_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int, device: str, precision: str
) -> None:
    monkeypatch.setattr("app.text.WIDTH", columns)
    command = load_command("estimate")
    args = ["zoo:mobilenetv2_100", "--on", device, "--precision", precision, "--layers"]
    command.main(args, standalone_mode=False)
    shown = capsys.readouterr().out
    table = shown.split("More of each layer")[0].rstrip().splitlines()
    layers = len(cm.zoo.build("mobilenetv2_100").ops)
    assert len(table) == layers + 2  # a title, a head
    assert max(map(len, table)) <= columns
    head = table[1].split()
    assert {"name", "precision", "latency_s", "bound"} <= set(head)
    assert "energy_source" not in head
    assert "More of each layer with --json" in shown


def load_command(name: str) -> click.Command:
    command: click.Command = importlib.import_module(f"app.commands.{name}").command
    return command


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("zoo:resnet5", "--on", "a100_sxm"), "resnet50"),
        (("zoo:resnet50", "--on", "a100"), "a100_sxm"),
        (("resnet50", "--on", "a100_sxm"), "zoo:resnet50"),
        (("zoo:", "--on", "a100_sxm"), "zoo:NAME"),
        (("zoo:resnet50", "--on", "a100_sxm", "--precision", "w9a9"), "9"),
        (("zoo:resnet50", "--on", "a100_sxm", "--precision", "int5x"), "int5"),
        (("zoo:resnet50", "--on", "a100_sxm", "--precision", "fp8_e4m3"), "no fp8 pipe"),
        (("zoo:resnet50", "--on", "a100_sxm", "--batch", "0"), "batch must be at least 1, got 0"),
        (("zoo:resnet50", "--on", "a100_sxm", "--batch", "-3"), "-3"),
        (("zoo:resnet50", "--on", "a100_sxm", "--batch", "many"), "many"),
        (("zoo:resnet50", "--on", "a100_sxm", "--resolution", "0"), "resolution"),
        (("zoo:resnet50", "--on", "a100_sxm", "--resolution", "100000000"), "at most"),
        (("zoo:resnet50", "--on", "a100_sxm", "--batch", "9" * 30), "at most"),
        (("zoo:deit_tiny_patch16_224", "--on", "t4", "--precision", "w8a8"), "KV format"),
        (("zoo:vit_base_patch16_224", "--on", "a100_sxm", "--resolution", "225"), "225"),
        (("zoo:resnet50", "--on", "a100_sxm", "--context", "8"), "context"),
        (("zoo:llama-3.1-8b", "--on", "a100_sxm", "--resolution", "224"), "resolution"),
        (("zoo:llama-3.1-8b", "--on", "a100_sxm", "--context", "0"), "context"),
        (("zoo:resnet50", "--on", "a100_sxm", "--assign", "layr1.*=w4a16"), "did you mean layer1.0.conv1"),
        (("zoo:resnet50", "--on", "a100_sxm", "--dim", "T=9"), "an ONNX file alone"),
        (("zoo:resnet50", "--on", "a100_sxm", "--dim", "T=a"), "NAME=SIZE, got 'T=a'"),
        (("zoo:resnet50", "--on", "a100_sxm", "--precision", "e15m0/bf16"), "e15m0 reaches beyond float64"),
        (("zoo:resnet50", "--on", "a100_sxm", "--assign", "layer1"), "LAYER=PRECISION"),
        (("zoo:resnet50", "--on", "pynq_z1", "--precision", "nf4/int8"), "nf4"),
        (("zoo:resnet50",), "--on"),
        (("onnx:no_such_file.onnx", "--on", "a100_sxm"), "no_such_file.onnx"),
        (("hf:no_such_file.json", "--on", "a100_sxm"), "no_such_file.json"),
        (("torch:no_such_module:build", "--on", "a100_sxm"), "no_such_module"),
        (("torch:math:no_such_name", "--on", "a100_sxm"), "no_such_name"),
        (("torch:math:pi", "--on", "a100_sxm"), "pi"),
        (("zoo:resnet50", "--on", "no_such_file.toml"), "no_such_file.toml"),
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_bad_input_is_one_line(refused: Callable[..., str], form: str, args: tuple[str, ...], says: str) -> None:
    line = refused("estimate", *args, *(["--json"] if form == "json" else []))
    assert says in line


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "got 0"),
        (b"\x08\x07\x12garbage", ""),
        (b"\xff" * 4096, ""),
        (b"{}", ""),
    ],
)
def test_hostile_onnx_is_one_line(refused: Callable[..., str], tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    line = refused("estimate", f"onnx:{path}", "--on", "a100_sxm")
    assert "bad.onnx" in line
    assert says in line


LLAMA = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4} | {
    "vocab_size": 10,
    "intermediate_size": 8,
}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        "null",
        '{"model_type": "llama"}',
        '{"model_type": 7}',
        '{"model_type": "no_such_kind"}',
        json.dumps(LLAMA | {"hidden_size": math.nan}),
        json.dumps(LLAMA | {"hidden_size": -64}),
        json.dumps(LLAMA | {"hidden_size": "64"}),
        json.dumps(LLAMA | {"num_hidden_layers": 10**30}),
        json.dumps(LLAMA | {"num_attention_heads": 0}),
    ],
)
def test_hostile_config_is_one_line(refused: Callable[..., str], tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    assert "config.json" in refused("estimate", f"hf:{path}", "--on", "a100_sxm")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("kind = 'gpu'\nname = 'x'", "missing"),
        ("kind = 'tpu'", "tpu"),
        ("not toml at all [", "TOML"),
        ("kind = 'fpga'\nlut = -5", "lut"),
        ("kind = 'fpga'\nlut = nan", "lut"),
    ],
)
def test_hostile_device_is_one_line(refused: Callable[..., str], tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content)
    line = refused("estimate", "zoo:resnet18", "--on", str(path))
    assert "mine.toml" in line
    assert says in line


def test_what_a_pruning_leaves_dense_is_told(here: Callable[..., object]) -> None:
    blocks = "compound_scaling:how=w,factor=2 + block_sparsity:density=0.5,block=16"
    (note,) = estimate(here, "zoo:resnet50", "--on", "a100_sxm", "--strategy", blocks)["notes"]
    assert "leaves layers with 89% of the weights of resnet50" in note
    assert estimate(here, "zoo:resnet50", "--on", "a100_sxm", "--strategy", "nm_sparsity:n=2,m=4")["notes"] == []
