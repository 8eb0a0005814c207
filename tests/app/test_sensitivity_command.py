"""bitfront sensitivity, and the ways to measure a loss that optimize takes too."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

MODULE = """
import torch
from torch import nn


def build():
    torch.manual_seed(0)
    x = torch.randn(64, 6)
    module = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    return module, (x[:1],), (x, module(x).argmax(1))


def tested():
    module, inputs, data = build()
    return module, inputs, {"calibration": data, "test": data}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("user")
    (folder / "small_net.py").write_text(MODULE)
    return folder


def test_interactions_are_measured_and_reported(bitfront: Callable[..., object], folder: Path) -> None:
    args = ["torch:small_net:build", "--on", "pynq_z1", "--formats", "int2,int4"]
    done = bitfront("sensitivity", *args, "--sensitivity", "mse", "--interactions", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [row["layer"] for row in found["layers"]] == ["0", "2"]
    assert all(row["loss"]["int2/int2"] > row["loss"]["int4/int4"] for row in found["layers"])
    sums = found["interactions"]["sums"]
    assert sums["pairs"]["ratio"] == pytest.approx(1.0)  # two layers have no more than a pair
    assert abs(sums["pairs"]["ratio"] - 1) < abs(sums["layers"]["ratio"] - 1)
    assert found["interactions"]["strongest"][0]["layers"] == ["0", "2"]


def test_optimize_takes_a_way_and_ranges_and_says_so(bitfront: Callable[..., object], folder: Path) -> None:
    args = ["torch:small_net:build", "--on", "pynq_z1", "--formats", "int2,int4", "--budget", "lut<=50e3"]
    done = bitfront("optimize", *args, "--sensitivity", "mse", "--ranges", "mse", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    source = json.loads(done.stdout)["loss_source"]
    assert source.startswith("measured: squared error")
    assert source.endswith("; mse ranges")


def test_ranges_that_would_change_nothing_are_refused(bitfront: Callable[..., object], folder: Path) -> None:
    args = ["torch:small_net:build", "--on", "pynq_z1", "--formats", "int2,int4", "--sensitivity", "fisher"]
    for command in (["optimize", *args, "--budget", "lut<=50e3"], ["front", *args]):
        done = bitfront(*command, "--ranges", "learned", cwd=folder)
        assert done.returncode == 2
        assert "fisher foretells losses without cutting inputs off" in done.stderr
        assert done.stderr.count("\n") == 1
    held_out = [*args[1:], "--ranges", "percentile:90", "--budget", "lut<=50e3", "--json"]
    done = bitfront("optimize", "torch:small_net:tested", *held_out, cwd=folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["loss_source"].endswith("; percentile:90 ranges in what is measured of whole plans alone")
    assert "accuracy" in found["designs"][0]


def test_what_needs_weights_is_one_line(refused: Callable[..., str]) -> None:
    args = ["zoo:resnet18", "--on", "h100_sxm", "--formats", "int4,int8"]
    assert "hessian sensitivity needs a torch module" in refused("sensitivity", *args, "--sensitivity", "hessian")
    assert "has no weights" in refused("sensitivity", *args, "--interactions")


OTHERS = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(48, 6)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, *, features):
        return {"logits": self.body(features)}


def one(targets):
    data = {"features": x.bfloat16(), "labels": targets}
    return Net().bfloat16(), {"features": x[:1].bfloat16()}, {"calibration": data, "test": data}


def values():
    return one(x[:, :1] * 3)


def yes_or_no():
    return one((x[:, 0] > 0).long())


def beyond():
    module = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    return module, x[:1], DataLoader(TensorDataset(x, x[:, :3].argmax(1) + 1), 16)
"""


@pytest.mark.parametrize(
    ("build", "score", "told"), [("values", "r2", "values"), ("yes_or_no", "accuracy", "yes or no")]
)
def test_one_output_by_keyword_and_name_is_measured_and_scored(
    bitfront: Callable[..., object], folder: Path, build: str, score: str, told: str
) -> None:
    (folder / "other_nets.py").write_text(OTHERS)
    args = [f"torch:other_nets:{build}", "--on", "pynq_z1", "--formats", "int2,int8", "--budget", "lut<=50e3"]
    done = bitfront("optimize", *args, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    designs = {design["name"]: design for design in found["designs"]}
    assert designs["int2/int2"]["loss"] > 10 * designs["int8/int8"]["loss"] > 0
    assert abs(designs["int8/int8"][score] - designs["fp32"][score]) < 0.1
    assert found["tested"] == 48
    assert told in found["loss_source"]


def test_labels_beyond_the_classes_are_one_line(refused: Callable[..., str], folder: Path) -> None:
    (folder / "other_nets.py").write_text(OTHERS)
    args = ["torch:other_nets:beyond", "--on", "pynq_z1", "--formats", "int4,int8"]
    assert "targets must be classes 0 to 2 of the network's 3, got 1 to 3" in refused("sensitivity", *args, cwd=folder)
