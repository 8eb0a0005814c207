"""bitfront optimize: the stable JSON, budgets kept, proven plans, and one clear line for bad input."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

KEYS = {"assignment", "objective", "bound", "gap", "proven", "solver", "totals", "designs"}

MODULE = '''
"""A tiny trained-looking network with its data."""
import torch
from torch import nn


def data():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(64, 6, generator=generator)
    y = (x[:, 0] + x[:, 1] > 0).long()
    return {"calibration": (x[:32], y[:32]), "test": (x[32:], y[32:])}


def build():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
    return module, (torch.randn(1, 6),)


def build_with_data():
    return (*build(), data())


def wrong_data():
    return 7


def broken_data():
    raise RuntimeError("boom")
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("user")
    (folder / "tiny_net.py").write_text(MODULE)
    return folder


def optimize(bitfront: Callable[..., object], *args: str, cwd: Path | None = None) -> dict[str, object]:
    done = bitfront("optimize", *args, "--json", **({"cwd": cwd} if cwd else {}))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_zoo_model_is_optimised_on_a_gpu_by_the_proxy(bitfront: Callable[..., object]) -> None:
    found = optimize(
        bitfront, "zoo:resnet18", "--on", "h100_sxm", "--formats", "int4,int8,bf16", "--budget", "weight_bytes<=9MB"
    )
    assert set(found) >= KEYS
    assert found["proven"] is True
    assert found["totals"]["weight_bytes"] <= 9e6
    assert found["loss_source"].startswith("data-free proxy")
    assert found["formats"] == {"int4": "int4/bf16", "int8": "int8/bf16", "bf16": "bf16/bf16"}
    assert set(found["assignment"].values()) <= set(found["formats"].values())
    assert "accuracy" not in found["designs"][0]


def test_torch_model_is_measured_and_tested_on_an_fpga(bitfront: Callable[..., object], folder: Path) -> None:
    args = ("torch:tiny_net:build_with_data", "--on", "pynq_z1", "--formats", "int2,int4,int8")
    free = optimize(bitfront, *args, cwd=folder)
    assert free["loss_source"].startswith("measured")
    assert all("accuracy" in design for design in free["designs"])
    limit = (free["totals"]["lut"] + free["designs"][1]["totals"]["lut"]) / 2
    tight = optimize(bitfront, *args, "--budget", f"lut<={limit}", cwd=folder)
    assert tight["totals"]["lut"] <= limit
    assert tight["objective"] >= free["objective"]


def test_ties_and_format_count_are_kept(bitfront: Callable[..., object], folder: Path) -> None:
    args = ("torch:tiny_net:build", "--data", "tiny_net:data", "--on", "pynq_z1", "--formats", "int2,int4,int8")
    found = optimize(bitfront, *args, "--budget", "weight_bytes<=190", "--tie", "0,2", cwd=folder)
    assert found["assignment"]["0"] == found["assignment"]["2"]
    found = optimize(bitfront, *args, "--budget", "weight_bytes<=190", "--max-formats", "1", cwd=folder)
    assert len(set(found["assignment"].values())) == 1


def test_report_and_json_file_are_written(bitfront: Callable[..., object], folder: Path) -> None:
    args = ("torch:tiny_net:build_with_data", "--on", "h100_sxm", "--formats", "int4,bf16")
    done = bitfront("optimize", *args, "--report", "r.html", "--out", "r.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "proven optimal" in done.stdout
    page = (folder / "r.html").read_text()
    assert '"showSendToCloud": false' in page
    assert "cdn.plot.ly" not in page.split("<body>")[1].split("<script>")[0]
    assert set(json.loads((folder / "r.json").read_text())) >= KEYS


@pytest.mark.parametrize(
    ("args", "says", "code"),
    [
        (("--formats", "int4,int8", "--budget", "weight_bytes<=1"), "weight_bytes", 3),
        (("--formats", "int4", "--budget", "wieght_bytes<=9e6"), "weight_bytes", 2),
        (("--formats", "int4", "--budget", "size<=9e6"), ", uram, weight_bytes", 2),
        (("--formats", "int4", "--budget", "footprint_bytes<=9e6"), "footprint_bytes is at least", 3),
        (("--formats", "int4", "--budget", "weight_bytes<=many"), "many", 2),
        (("--formats", "int4", "--budget", "weight_bytes<=12ms"), "12ms", 2),
        (("--formats", "int4", "--budget", "weight_bytes>=5"), "<=", 2),
        (("--formats", "int4", "--budget", "weight_bytes<=nan"), "nan", 2),
        (("--formats", "int4", "--budget", "lut<=5"), "lut", 2),
        (("--formats", ""), "formats", 2),
        (("--formats", "int99"), "int99", 2),
        (("--formats", "int8,int8"), "differ", 2),
        (("--formats", "int8/int8,fp8_e4m3/fp8_e4m3", "--on", "a100_sxm"), "fp8", 2),
        (("--formats", "int8", "--tie", "conv1,conv9"), "conv9", 2),
        (("--formats", "int8", "--time-limit", "-1"), "time_limit", 2),
        (("--formats", "int8", "--max-formats", "0"), "0", 2),
        (("--formats", "int4,int8", "--conversion", "1e400"), "finite number of at least 0, got inf", 2),
        (("--formats", "int4,int8", "--conversion", "-1"), "got -1", 2),
        (("--formats", "int4,int8", "--conversion", "nan"), "got nan", 2),
        (("--formats", "int8", "--data", "json:loads"), "--data", 2),
        (("--formats", "int8", "--report", "no_such_folder/r.html"), "no_such_folder", 2),
    ],
)
def test_bad_input_is_one_line(refused: Callable[..., str], args: tuple[str, ...], says: str, code: int) -> None:
    device = () if "--on" in args else ("--on", "h100_sxm")
    assert says in refused("optimize", "zoo:resnet18", *device, *args, code=code)


def test_bad_data_is_one_line(refused: Callable[..., str], folder: Path) -> None:
    args = ("--on", "pynq_z1", "--formats", "int8", "--data")
    assert "int" in refused("optimize", "torch:tiny_net:build", *args, "tiny_net:wrong_data", cwd=folder)
    assert "no_such" in refused("optimize", "torch:tiny_net:build", *args, "tiny_net:no_such", cwd=folder)
    assert "boom" in refused("optimize", "torch:tiny_net:build", *args, "tiny_net:broken_data", cwd=folder)
    shaped = ("torch:tiny_net:build_with_data", "--on", "pynq_z1", "--formats", "int8", "--context", "3")
    assert "context" in refused("optimize", *shaped, cwd=folder)


def test_device_without_energy_figures_is_optimised_on(bitfront: Callable[..., object], tmp_path: Path) -> None:
    """A processor whose process node is not known; every GPU's energy follows from its power."""
    peaks = "vector = 1e12\nfp32 = 1e12\nbf16 = 2e12\nint8 = 4e12\n"
    text = f'kind = "cpu"\nmemory_bytes = 1e10\nmemory_bytes_per_s = 5e10\ncores = 4\n\n[peak_flops]\n{peaks}'
    (tmp_path / "mine.toml").write_text(text)
    args = ("zoo:resnet18", "--on", str(tmp_path / "mine.toml"), "--formats", "int4,int8", "--budget", "loss<=0.1")
    found = optimize(bitfront, *args)
    assert "energy_j" not in found["totals"]
    assert found["objective"] <= 0.1


def test_pins_ties_and_sparse_formats_are_spelled_on_the_command_line(bitfront: Callable[..., object]) -> None:
    found = optimize(
        bitfront, "zoo:resnet18", "--on", "h100_sxm", "--formats", "int4,int8,int8@2:4", "--budget",
        "weight_bytes<=9MB", "--tie", "residual", "--pin", "conv1=int8", "--allow", "layer1.*=int8,int8@2:4",
        "--conversion", "1e-4",
    )  # fmt: skip
    chosen = found["assignment"]
    assert isinstance(chosen, dict)
    assert chosen["conv1"] == "int8/bf16"
    assert chosen["layer1.0.conv2"] == "int8/bf16"
    assert chosen["layer2.0.conv2"] == chosen["layer2.0.downsample.0"]
    assert found["proven"]
    assert found["solver"] == "elimination"


def test_a_plan_fits_where_one_does_unless_it_need_not(bitfront: Callable[..., object]) -> None:
    asked = ("zoo:resnet18", "--on", "zcu104", "--formats", "int2,int8")
    free, fitted, demanded = (optimize(bitfront, *asked, *fit) for fit in (("--no-fit",), (), ("--fit",)))
    assert free["fits"] is False
    assert free["beyond"]["bram18"] > 1
    assert fitted["fits"] is True
    assert fitted["beyond"] == {}
    assert fitted["objective"] > free["objective"]
    assert not fitted["proven_within"]
    assert demanded["objective"] == pytest.approx(fitted["objective"], rel=max(fitted["gap"], demanded["gap"], 1e-9))
    assert demanded["fits"] is True
    told = bitfront("optimize", *asked, "--no-fit").stdout
    assert "The plan does not fit zcu104 (block RAMs" in told
    told = bitfront("optimize", *asked, "--budget", "energy_j<=1").stdout
    assert "The plan does not fit" not in told
    assert "the best of the foldings for int8/int8, int2/int2" in told


def test_a_network_too_large_is_planned_and_says_why_none_fits(bitfront: Callable[..., object]) -> None:
    asked = ("zoo:resnet18", "--on", "pynq_z1", "--formats", "int8")
    found = optimize(bitfront, *asked)
    assert found["fits"] is False
    assert "bram18 is at least" in found["unfit_because"]
    told = " ".join(bitfront("optimize", *asked).stdout.split())
    assert told.count("does not fit pynq_z1") == 1
    assert "No plan that fits meets the budget" in told


def test_fit_is_for_fpgas(refused: Callable[..., str]) -> None:
    assert "--fit is for an FPGA" in refused(
        "optimize", "zoo:resnet18", "--on", "h100_sxm", "--formats", "int8", "--fit"
    )


def test_a_peak_that_no_format_meets_is_no_matter_of_the_device(refused: Callable[..., str], folder: Path) -> None:
    asked = ("torch:tiny_net:build", "--on", "pynq_z1", "--formats", "int4,int8")
    budget = ("--budget", "peak_activation_bytes<=1")
    told = {refused("optimize", *asked, *budget, *fit, code=3, cwd=folder) for fit in (("--fit",), ("--no-fit",), ())}
    (line,) = told
    assert line.startswith("bitfront: no plan meets the budget: peak_activation_bytes is at least ")
    assert line.endswith(" (budget 1)")


def test_formats_are_allocated_to_the_network_that_a_strategy_makes(bitfront, refused, tmp_path):
    asked = ("zoo:resnet18", "--on", "h100_sxm", "--formats", "int4,int8", "--strategy", "filter_pruning:keep=0.5")
    plan = tmp_path / "plan.json"
    done = bitfront("optimize", *asked, "--budget", "weight_bytes<=3MB", "--out", str(plan), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["strategy"] == "filter_pruning:keep=0.5"
    assert next(row for row in found["layers"] if row["name"] == "layer1.0.conv1")["n"] == 32
    assert found["totals"]["weight_bytes"] <= 3e6
    front = json.loads(bitfront("front", *asked, "--objectives", "loss,weight_bytes", "--json").stdout)
    assert front["strategy"] == "filter_pruning:keep=0.5"
    assert any(point["weight_bytes"] == found["totals"]["weight_bytes"] for point in front["points"])
    says = refused("export", "torchao", str(plan), "--out", str(tmp_path / "out.json"))
    assert "the plan is of what filter_pruning:keep=0.5 makes of zoo:resnet18, which no tool here makes" in says


@pytest.mark.parametrize(
    ("model", "strategy", "says"),
    [
        ("zoo:llama-3.1-8b", "speculative_decoding", "puts draft.model.embed_tokens beside llama-3.1-8b: allocate"),
        ("zoo:resnet18", "lazy_llm", "tokens leave a forward pass of a transformer"),
        (
            "torch:tiny_edited:build_with_data",
            "nm_sparsity:n=2,m=4",
            "is measured as it is, --strategy edits networks without",
        ),
    ],
)
def test_a_strategy_that_no_allocation_takes_is_refused(bitfront, tmp_path, model, strategy, says):
    (tmp_path / "tiny_edited.py").write_text(MODULE)
    asked = (model, "--on", "h100_sxm", "--formats", "int4,int8", "--strategy", strategy)
    done = bitfront("optimize", *asked, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_off_an_fpga_latency_is_an_objective_too(bitfront, refused):
    asked = ("optimize", "zoo:resnet18", "--on", "h100_sxm", "--formats", "int4,int8,bf16")
    least = json.loads(bitfront(*asked, "--json").stdout)
    found = json.loads(bitfront(*asked, "--budget", "loss<=0.1", "--objective", "latency_s", "--json").stdout)
    assert found["proven"]
    assert found["objective"] == pytest.approx(found["totals"]["latency_s"])
    assert found["totals"]["latency_s"] <= least["totals"]["latency_s"]
    within = ("--budget", f"latency_s<={found['totals']['latency_s']!r}", "--json")
    slowest = json.loads(bitfront(*asked, *within).stdout)
    assert slowest["objective"] == pytest.approx(next(d["loss"] for d in found["designs"] if d["name"] == "plan"))
    assert "--conversion adds to the loss" in refused(*asked, "--objective", "latency_s", "--conversion", "1e-4")
