"""The GPU's name among ours, and one line for what is missing."""

import builtins
import subprocess
import sys

import pytest

from profilers import environment
from profilers.gpu import nvml


@pytest.mark.parametrize(
    ("driver", "ours"),
    [
        ("NVIDIA H100 80GB HBM3", "h100_sxm"), ("NVIDIA H100 PCIe", "h100_pcie"), ("NVIDIA H200", "h200_sxm"),
        ("NVIDIA A100-SXM4-80GB", "a100_sxm"), ("NVIDIA A100-SXM4-40GB", "a100_sxm_40gb"), ("NVIDIA L40S", "l40s"),
        ("NVIDIA A30", "a30"), ("Tesla T4", "t4"), ("NVIDIA GeForce RTX 4090", "rtx_4090"), ("NVIDIA B200", "b200_sxm"),
    ],
)  # fmt: skip
def test_drivers_names_are_found(driver, ours):
    assert environment.device_name(driver) == ours


def test_an_unknown_gpu_says_which_file_to_write():
    with pytest.raises(ValueError, match=r"'NVIDIA Rubin X' is none of .*named rubin_x.toml"):
        environment.device_name("NVIDIA Rubin X")


def test_a_machine_without_driver_is_one_line():
    import cupy  # imports without a driver

    try:
        found = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError:
        found = 0
    if found:
        pytest.skip("this machine has a GPU")
    with pytest.raises(RuntimeError, match=r"^no GPU to profile: [^\n]+$"):
        environment.require_gpu()


def test_a_missing_cupy_names_the_extra(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **named):
        if name == "cupy":
            raise ImportError("No module named 'cupy'")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RuntimeError, match=r"needs CuPy .*bitfront\[cuda\]"):
        environment.require_gpu()


def test_nvidia_smi_is_read_in_base_units():
    found = nvml.parse("1980, 2619, 34, 700.00\n")
    assert found == {
        "clock_hz": 1.98e9, "memory_clock_hz": 2.619e9, "temperature_c": 34.0, "power_limit_w": 700.0
    }  # fmt: skip
    assert nvml.parse("1980, [N/A], 34, 700.00") == {
        "clock_hz": 1.98e9, "temperature_c": 34.0, "power_limit_w": 700.0
    }  # fmt: skip


def test_the_command_for_a_bare_machine_imports_no_more_than_it_has():
    """Nothing but numpy, pandas, pyarrow, torch and cupy: what the command loads before it fits."""
    code = (
        "import sys; from profilers.gpu import candidates, backend; from profilers import __main__, session;"
        "print([m for m in ('scipy','sklearn','click','rich','ortools','plotly','transformers','timm','torchvision',"
        "'duckdb','moocore') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_command_without_a_gpu_is_one_line_and_leaves_nothing(tmp_path):
    command = [sys.executable, "-m", "profilers", "--minutes", "1", "--out", str(tmp_path / "rows")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        pytest.skip("this machine has a GPU")
    assert done.returncode == 2
    assert done.stderr.startswith("profilers: ")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "rows").exists()
