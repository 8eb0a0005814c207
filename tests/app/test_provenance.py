"""What a result says of its making, and that running it again finds the same, in a process of another hash seed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import costmodel as cm
from app.rerun import Difference, rerun
from dse.calibrations import calibrations, digest

MODULE = """
import torch
from torch import nn


def build():
    torch.manual_seed(0)
    x = torch.randn(32, 6)
    module = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
    return module, (x[:1],), {"calibration": (x, (x[:, 0] > 0).long()), "test": (x, (x[:, 1] > 0).long())}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("user")
    (folder / "tiny_rerun.py").write_text(MODULE)
    return folder


@pytest.fixture(scope="module")
def result(process: Callable[..., Any], folder: Path) -> dict[str, Any]:
    args = ("optimize", "torch:tiny_rerun:build", "--on", "h100_sxm", "--formats", "int4,bf16", "--out", "r.json")
    done = process(*args, cwd=folder, env={"PYTHONHASHSEED": "1"})
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((folder / "r.json").read_text())
    return found


def test_a_result_says_how_it_was_made(result: dict[str, Any]) -> None:
    told = result["provenance"]
    assert told["command"][:3] == ["bitfront", "optimize", "torch:tiny_rerun:build"]
    assert {"python", "bitfront", "numpy", "torch", "ortools"} <= set(told["versions"])
    assert {"h100_sxm_gemm", "h100_sxm_attention", "h200_sxm_power"} <= set(told["calibrations"])
    assert "xc7_lut_sites" not in told["calibrations"]
    assert set(told["inputs"]) == {"weights of torch:tiny_rerun:build", "h100_sxm"}
    assert told["seed"] == 0
    assert told["threads"] >= 1


@pytest.mark.long
def test_every_value_comes_out_again(process: Callable[..., Any], folder: Path, result: dict[str, Any]) -> None:
    done = process("rerun", "r.json", "--json", cwd=folder, env={"PYTHONHASHSEED": "2"})
    assert done.returncode == 0, done.stdout + done.stderr
    check = json.loads(done.stdout)
    assert check["equal"]
    assert check["differences"] == check["changed"] == []
    assert check["compared"] > 100


def test_a_value_that_differs_is_named(here: Callable[..., Any], tmp_path: Path) -> None:
    done = here("optimize", "zoo:resnet18", "--on", "l4", "--formats", "int4,bf16", "--json", cwd=tmp_path)
    edited = json.loads(done.stdout)
    edited["totals"]["latency_s"] *= 1.001
    edited["designs"][0]["loss"] = 0.5
    edited["provenance"]["versions"]["numpy"] = "1.0"
    (tmp_path / "edited.json").write_text(json.dumps(edited))
    done = here("rerun", "edited.json", "--rtol", "0.01", cwd=tmp_path)
    assert done.returncode == 1
    assert "run.designs[0].loss" in done.stdout
    assert "latency_s" not in done.stdout
    assert "run.versions.numpy" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("origin", "says"),
    [
        ({}, "does not say which command made it"),
        ({"command": None}, "does not say which command made it"),
        ({"command": ["bitfront", 3]}, "must be a list of texts or null"),
        ({"command": ["rm", "-rf"]}, "was made by 'rm -rf'; demo, front, optimize can be run again"),
        ({"command": ["bitfront", "profile"]}, "was made by 'bitfront profile'"),
        ({"command": ["bitfront", "optimize", "zoo:resnet5", "--on", "l4", "--formats", "int4"]}, "fails now: unknown"),
    ],
)
def test_what_cannot_be_run_again_is_told(result: dict[str, Any], origin: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        rerun(result | {"provenance": origin}, "r.json")


def test_an_exploration_is_swept_again(here: Callable[..., Any], tmp_path: Path) -> None:
    space = tmp_path / "space.toml"
    space.write_text(
        'objectives = ["latency_s", "loss"]\n[axes]\nmodel = "zoo:resnet18"\nbatch = [1, 2]\n'
        'precision = ["w8a8", "bf16"]\ndevice = "l4"\n'
    )
    done = here("explore", str(space), "--out", "run", "--workers", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert told["command"] == ["bitfront", "explore", str(space), "--out", "run", "--workers", "1"]
    before = (tmp_path / "run" / "provenance.json").read_bytes()
    space.unlink()
    done = here("rerun", "run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["compared"] > 20
    assert (tmp_path / "run" / "provenance.json").read_bytes() == before


def calibrated_anew(home: Path) -> Path:
    """A calibration of the user's own, of no fits yet."""
    own = home / "calibrations" / "l4_gemm.toml"
    own.parent.mkdir()
    own.write_text('model = "gemm"\ndevice = "l4"\nmeasured_on = ""\nsource = ""\n')
    return own


def test_a_run_of_a_device_that_changed_says_which(
    here: Callable[..., Any], refused_here: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, run = tmp_path / "mine.toml", str(tmp_path / "run")
    device.write_text((Path(cm.__file__).parent / "hardware" / "gpus" / "l4.toml").read_text())
    (tmp_path / "space.toml").write_text(
        f'objectives = ["latency_s"]\n[axes]\nmodel = "zoo:resnet18"\nprecision = "bf16"\ndevice = "{device}"\n'
    )
    done = here("explore", str(tmp_path / "space.toml"), "--out", run, "--workers", "1")
    assert done.returncode == 0, done.stderr
    device.write_text(device.read_text().replace("memory_bytes = 24e9", "memory_bytes = 25e9"))
    for command in (("rerun", run), ("front", run), ("report", run, "--out", str(tmp_path / "out"))):
        said = refused_here(*command)
        assert "was made with other figures" in said
        assert f"{device} was " in said
    device.write_text(device.read_text().replace("memory_bytes = 25e9", "memory_bytes = 24e9"))
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))
    calibrated_anew(tmp_path)
    assert "user/l4_gemm was absent" in refused_here("front", run)
    assert "other figures" in refused_here("explore", str(tmp_path / "space.toml"), "--out", run, "--workers", "1")


def test_calibrations_are_those_that_a_prediction_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(calibrations(cm.fpga("zcu104"))) == {"xc7_lut_sites"}
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))
    own = calibrated_anew(tmp_path)
    assert calibrations(cm.gpu("t4"))["user/l4_gemm"] == digest(own.read_bytes())


def test_values_of_one_side_alone_differ() -> None:
    from app.rerun import _pairs

    pairs = list(_pairs("r", {"a": [1, 2], "b": 1}, {"a": [1], "c": None}))
    assert pairs == [("r.a[0]", 1, 1), ("r.a[1]", 2, "(absent)"), ("r.b", 1, "(absent)"), ("r.c", "(absent)", None)]
    assert Difference(*pairs[1]).where == "r.a[1]"


def test_weights_of_types_that_numpy_lacks_have_a_hash() -> None:
    import torch

    from app.provenance import _weights

    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    whole, halves = _weights(module), _weights(module.bfloat16())
    assert whole != halves == _weights(module)
