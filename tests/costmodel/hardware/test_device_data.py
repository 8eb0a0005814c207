"""The devices that come with the package: every value cited, every law of their data sheets kept."""

from dataclasses import fields
from math import isnan

import numpy as np
import pytest

from costmodel.catalog import toml_files
from costmodel.hardware import cpu, fpga, gpu, load, names
from costmodel.hardware.fpga import DSP_KINDS
from costmodel.hardware.gpu import MEMORY_KINDS, PeakFlops
from costmodel.precision import PIPES

GPUS = (
    "h100_sxm", "h100_pcie", "h200_sxm", "a100_sxm", "a100_sxm_40gb", "a100_pcie", "a40", "a30", "l4", "l40s",
    "rtx_4090", "rtx_pro_6000_server", "v100_sxm", "t4", "b200_sxm", "jetson_orin",
)  # fmt: skip
FPGAS = ("ultra96", "zcu104", "zcu102", "pynq_z1", "arty_a7_100t", "u50", "u250", "u280", "vck190", "arria10")
TENSOR = ("fp16", "bf16", "fp8", "fp6", "fp4", "int8", "int4")


@pytest.fixture(autouse=True)
def _only_the_packages_own(tmp_path, monkeypatch):
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))


def values(device):
    """Every number and kind of a device by its key in `sources`, the unknown ones left out."""
    found = {}
    for f in fields(device):
        value = getattr(device, f.name)
        if isinstance(value, PeakFlops):
            found |= {f"peak_flops.{p.name}": getattr(value, p.name) for p in fields(value)}
        elif f.name not in ("name", "sources", "toggle_rate"):  # of a design, the same for all
            found[f.name] = value
    return {k: v for k, v in found.items() if v not in ("", None) and (isinstance(v, str) or not isnan(v))}


def test_the_devices_are_those_that_users_ask_for():
    assert set(GPUS) <= set(names("gpu"))
    assert set(FPGAS) <= set(names("fpga"))


@pytest.mark.parametrize("name", GPUS + FPGAS)
def test_every_value_has_a_source_and_no_source_lacks_its_value(name):
    found = load.device(name)
    assert set(found.sources) == set(values(found))
    assert all(len(text) > 20 for text in found.sources.values())


@pytest.mark.parametrize("name", GPUS + FPGAS)
def test_a_device_is_named_as_it_is_found(name):
    assert load.device(name).name == name


@pytest.mark.parametrize("name", GPUS)
def test_peaks_order_as_the_widths_do(name):
    peaks = gpu(name).peak_flops
    assert peaks.vector == peaks.fp32
    assert isnan(peaks.bf16) or peaks.bf16 == peaks.fp16
    ratios = {
        ("fp8", "fp16"): (2,),
        ("int8", "fp16"): (2, 4),
        ("fp6", "fp8"): (1,),
        ("fp4", "fp8"): (2,),
        ("int4", "int8"): (1, 2),
    }
    for (narrow, wide), allowed in ratios.items():
        ratio = getattr(peaks, narrow) / getattr(peaks, wide)
        assert isnan(ratio) or any(ratio == pytest.approx(r, rel=0.015) for r in allowed), (narrow, ratio)
    assert all(isnan(p) or p >= peaks.vector for p in (getattr(peaks, pipe) for pipe in TENSOR))


@pytest.mark.parametrize("name", GPUS)
def test_fp32_rate_is_lanes_times_clock(name):
    """Two operations a lane a cycle; 64 lanes on V100, A100, A30 and T4, 128 on the others: the SMs' whitepapers."""
    found = gpu(name)
    lanes = 64 if name.startswith(("v100", "a100", "a30", "t4")) else 128
    assert found.peak_flops.fp32 == pytest.approx(2 * lanes * found.sm_count * found.clock_hz, rel=0.04)


def test_sparse_figures_are_not_taken_for_dense_ones():
    """Dense bf16 of the SXM parts a cycle an SM: 1,024 multiply-accumulates on A100, 2,048 on H100, 4,096 on B200."""
    for name, macs in (("a100_sxm", 1024), ("h100_sxm", 2048), ("b200_sxm", 4096)):
        found = gpu(name)
        a_cycle = found.peak_flops.bf16 / (2 * found.sm_count * found.clock_hz)
        assert 0.9 * macs < a_cycle < 1.01 * macs


def test_pipes_come_and_go_with_the_generations():
    lacking = {
        "v100_sxm": {"bf16", "tf32", "int8", "int4", "fp8"},
        "t4": {"bf16", "tf32", "fp8"},
        "a100_sxm": {"fp8", "fp4"},
        "h100_sxm": {"int4", "fp4"},
        "b200_sxm": {"int4"},
    }
    for name, pipes in lacking.items():
        assert all(isnan(getattr(gpu(name).peak_flops, p)) for p in pipes)
    for name, pipe in (("a100_sxm", "int4"), ("l4", "fp8"), ("b200_sxm", "fp4"), ("rtx_pro_6000_server", "fp6")):
        assert gpu(name).peak_flops.of(pipe) > 0


def test_of_two_parts_with_one_die_only_the_memory_differs():
    assert gpu("h200_sxm").peak_flops == gpu("h100_sxm").peak_flops
    assert gpu("h200_sxm").memory_bytes_per_s > gpu("h100_sxm").memory_bytes_per_s
    assert gpu("a100_sxm").peak_flops == gpu("a100_pcie").peak_flops == gpu("a100_sxm_40gb").peak_flops


@pytest.mark.parametrize("name", GPUS)
def test_memory_is_within_what_its_kind_gives(name):
    found = gpu(name)
    lowest, highest = {"HBM": (8e11, 1e13), "GDDR": (2e11, 2e12), "LPDDR": (5e10, 4e11)}[found.memory_kind]
    assert found.memory_kind in MEMORY_KINDS
    assert lowest < found.memory_bytes_per_s < highest
    assert 1e6 < found.l2_bytes < found.memory_bytes


@pytest.mark.parametrize("name", FPGAS)
def test_fabric_is_plausible(name):
    found = fpga(name)
    assert found.dsp_kind in DSP_KINDS
    assert found.ff == 2 * found.lut
    assert 50e6 <= found.clock_hz <= 500e6
    assert found.memory_bytes_per_s < 5e11


def test_fpgas_of_one_family_order_by_size():
    order = ("pynq_z1", "arty_a7_100t", "ultra96", "zcu104", "zcu102", "u50", "u280", "u250")
    luts = [fpga(name).lut for name in order]
    assert luts == sorted(luts)


def test_no_cpu_comes_with_the_package():
    assert toml_files(load.Path(load.__file__).parent / "cpus") == {}
    assert names("cpu") == []
    assert callable(cpu)


def test_peaks_of_an_array_of_pipes():
    peaks = gpu("a100_sxm").peak_flops
    found = peaks.of(np.array(PIPES))
    for pipe, peak in zip(PIPES, found, strict=True):
        assert peak == getattr(peaks, pipe) or (isnan(peak) and isnan(getattr(peaks, pipe)))


def test_usable_takes_a_fraction_of_the_fabric_alone():
    whole, part = fpga("zcu104"), fpga("zcu104").usable(0.5)
    assert (part.lut, part.ff, part.bram18, part.uram, part.dsp) == (115200, 230400, 312, 48, 864)
    assert part.memory_bytes == whole.memory_bytes
    for fraction in (0, -0.1, 1.1):
        with pytest.raises(ValueError, match="fraction must be within"):
            whole.usable(fraction)
