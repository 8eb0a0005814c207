"""Families of products that only a user's own device has measured: an estimate takes them where they are nearer."""

from dataclasses import replace

import pytest

from costmodel import hardware
from costmodel.estimators import gpu_latency
from costmodel.hardware.calibration import FOLDER, read
from costmodel.precision import precision
from costmodel.workload.ops import conv, linear
from profilers import calibration_file

FC = linear("fc", 64, 4096, 4096)
PRUNED = replace(FC, weight_density=0.5, weight_block=4.0, index_bits=2.0)
SPELLED = {
    "float16": ("fp16", FC), "float32": ("fp32", FC), "fp6_wo": ("fp6_e3m2/bf16", FC), "fp4_wo": ("fp4_e2m1/bf16", FC),
    "bfloat16_24": ("bf16", PRUNED),
}  # fmt: skip


@pytest.fixture
def h100(monkeypatch, tmp_path):
    """An H100 whose user measured those families: the shipped constants of bf16 under their names."""
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))
    base = next(fit for fit in read(FOLDER / "h100_sxm_gemm.toml") if fit.math == "bfloat16")
    fits = [replace(base, math=math, backend="torch", residual={}) for math in SPELLED]
    calibration_file.write(fits, tmp_path / "calibrations")
    return hardware.gpu("h100_sxm")


def how(op, spelling, gpu):
    return str(gpu_latency.predict(op, precision(spelling), gpu).how)


@pytest.mark.parametrize("math", SPELLED)
def test_a_family_of_ones_own_is_taken(h100, math):
    spelling, op = SPELLED[math]
    assert how(op, spelling, h100) == "calibrated (torch)"
    assert how(op, spelling, hardware.gpu("l40s")) != "calibrated (torch)"


def test_others_keep_theirs(h100):
    assert how(FC, "bf16", h100) == "calibrated (pooled trtllm, vllm)"
    assert how(FC, "int4_g128/bf16", h100).startswith("transferred")
    image = conv("c", 1, 64, 64, input_size=(8, 8), kernel=(3, 3))
    assert how(image, "fp16", h100).startswith("transferred (convolution as cuDNN's")
