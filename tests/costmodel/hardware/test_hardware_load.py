"""Reading devices: what a wrong file says, and where devices are looked for."""

import math
from pathlib import Path

import pytest

import costmodel as cm
from costmodel import hardware
from costmodel.catalog import UnknownNameError
from costmodel.hardware import Cpu, Fpga, Gpu, PeakFlops, cpu, device, fpga, gpu, load, names, save

GPU = """
kind = "gpu"
memory_bytes = 80e9
memory_bytes_per_s = 2e12
l2_bytes = 50e6
sm_count = 100
clock_hz = 1e9
power_w = 300

[peak_flops]
vector = 10e12
bf16 = 100e12
"""

FPGA = """
lut = 1000
ff = 2000
bram18 = 0
uram = 0
dsp = 0
dsp_kind = "DSP48E2"
clock_hz = 100e6
memory_bytes = 1e9
memory_bytes_per_s = 1e9
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))
    return tmp_path


def put(folder: Path, text: str, name: str = "mine") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def test_a_path_needs_no_folder(tmp_path):
    found = gpu(str(put(tmp_path, GPU)))
    assert isinstance(found, Gpu)
    assert found.name == "mine"
    assert found.peak_flops.bf16 == 100e12
    assert math.isnan(found.peak_flops.fp8)
    assert math.isnan(found.process_m)


def test_a_kind_in_the_call_serves_a_file_without(tmp_path):
    assert isinstance(load.read(put(tmp_path, FPGA), "fpga"), Fpga)


def test_a_file_may_name_the_device(tmp_path):
    assert gpu(str(put(tmp_path, 'name = "Mine at 300 W"\n' + GPU))).name == "Mine at 300 W"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "gpu"', 'kind = "tpu"', "kind must be"),
        ('kind = "gpu"', "", "kind must be"),
        ("sm_count = 100", "", "sm_count is missing"),
        ("sm_count = 100", "sm_count = -1", "sm_count must be a positive finite number, got -1"),
        ("sm_count = 100", "sm_count = 0", "sm_count must be a positive finite number, got 0"),
        ("sm_count = 100", "sm_count = nan", "sm_count must be a positive finite number, got nan"),
        ("sm_count = 100", "sm_count = inf", "sm_count must be a positive finite number, got inf"),
        ("sm_count = 100", 'sm_count = "100"', "sm_count must be a positive finite number, got '100'"),
        ("sm_count = 100", "sm_count = true", "sm_count must be a positive finite number, got True"),
        ("sm_count = 100", "sm_count = 5.5", "sm_count must be a whole number, got 5.5"),
        ("clock_hz = 1e9", "clock_hz = 1.4", "clock_hz must be in hertz, as 1.4e9, .*, got 1.4"),
        ("power_w = 300", "power_w = 300\nprocess_m = 4", "process_m must be in metres, as 4e-9"),
        ("per_s = 2e12", "per_s = 2000", r"memory_bytes_per_s must be in bytes a second, as 2e12, .*, got 2000$"),
        ("= 80e9", "= 80", r"memory_bytes must be in bytes, as 80e9, within 1e\+06..1e\+16, got 80$"),
        ("l2_bytes = 50e6", "l2_bytes = 50", "l2_bytes must be in bytes, as 40e6, .*, got 50$"),
        ("clock_hz = 1e9", "clock_hz = 1410", "clock_hz must be in hertz, as 1.4e9, .*, got 1410$"),
        ("power_w = 300", "power_w = 300e3", "power_w must be in watts, as 300, .*, got 300000.0$"),
        ("bf16 = 100e12", "bf16 = 312", "bf16 must be in operations a second, as 300e12, .*, got 312$"),
        ("vector = 10e12", "vector = 19500", "vector must be in operations a second, .*, got 19500$"),
        ("power_w = 300", 'power_w = 300\nlink = "pcie9"', "unknown link of .*mine.toml 'pcie9'; did you mean"),
        ("sm_count = 100", "sm_count = [100]", "sm_count must be a positive finite number"),
        ("sm_count = 100", "sm_count = 1" + "0" * 400, "sm_count must be a positive finite number"),
        ("sm_count = 100", "sm_count = 1e", "not valid TOML"),
        ("sm_count = 100", "name = 3", "name must be a string, got 3"),
        ("power_w = 300", "power_w = 300\npeak_flops = 3", "not valid TOML"),
        ("power_w = 300", 'power_w = 300\nmemory_kind = "HBM9"', "memory_kind must be one of"),
        ("power_w = 300", "power_w = 300\nmemory_kind = 3", "memory_kind must be a string"),
        ("power_w = 300", "power_w = 300\nsources = 3", "sources must be a table"),
        ("power_w = 300", "power_w = 300\nsources.power_w = 3", "sources.power_w must be a string"),
        ("bf16 = 100e12", "bf16 = -100e12", "bf16 must be a positive finite number"),
        ("bf16 = 100e12", 'bf16 = "fast"', "bf16 must be a positive finite number"),
    ],
)
def test_a_wrong_value_is_named_in_one_line(tmp_path, old, new, message):
    path = put(tmp_path, GPU.replace(old, new))
    with pytest.raises(ValueError, match=message) as error:
        gpu(str(path)) if "kind" not in old else load.read(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "near"),
    [
        ("sm_count", "sm_cuont", "sm_count"),
        ("bf16 =", "bp16 =", "bf16"),
        ("memory_bytes =", "memory_byte =", "memory_bytes"),
    ],
)
def test_an_unknown_key_is_answered_with_near_ones(tmp_path, old, new, near):
    with pytest.raises(UnknownNameError, match=f"did you mean .*{near}"):
        gpu(str(put(tmp_path, GPU.replace(old, new))))


def test_a_table_that_is_no_table(tmp_path):
    text = GPU[: GPU.index("[peak_flops]")] + "peak_flops = 3\n"
    with pytest.raises(ValueError, match="peak_flops must be a table, got 3"):
        gpu(str(put(tmp_path, text)))


def test_a_missing_table(tmp_path):
    with pytest.raises(ValueError, match="peak_flops is missing"):
        gpu(str(put(tmp_path, GPU[: GPU.index("[peak_flops]")])))


def test_all_that_is_missing_is_told_at_once(tmp_path):
    lines = [line for line in GPU.splitlines() if not line.startswith(("sm_count", "clock_hz", "power_w"))]
    with pytest.raises(ValueError, match=r"mine\.toml: sm_count, clock_hz and power_w are missing$"):
        gpu(str(put(tmp_path, "\n".join(lines))))


def test_a_missing_file(tmp_path):
    with pytest.raises(ValueError, match="no device file"):
        device(str(tmp_path / "none.toml"))


def test_a_wrong_dsp_kind(tmp_path):
    with pytest.raises(ValueError, match="dsp_kind must be one of"):
        fpga(str(put(tmp_path, FPGA.replace("DSP48E2", "DSP99"))))


def test_a_file_of_another_kind(tmp_path):
    with pytest.raises(ValueError, match="describes a Gpu, expected a Cpu"):
        cpu(str(put(tmp_path, GPU)))


def test_a_device_of_another_kind_is_told_by_its_name(home):
    with pytest.raises(ValueError, match="zcu104 is an FPGA, expected a GPU"):
        gpu("zcu104")
    with pytest.raises(ValueError, match="l4 is a GPU, expected an FPGA"):
        fpga("l4")


def test_the_users_folder_adds_devices(home):
    put(home / "gpus", GPU)
    put(home / "fpgas", FPGA, "board")
    assert "mine" in names("gpu")
    assert gpu("mine") == device("mine")
    assert isinstance(device("board"), Fpga)
    assert "board" in names("fpga")
    assert "board" not in names("gpu")


def test_a_name_defined_twice_is_told_where_that_device_is_asked_for(home):
    before = cm.estimate(cm.zoo.build("resnet18"), cm.W8A8, gpu("l40s")).totals
    put(home / "gpus", GPU, "l4")
    for ask in (gpu, device):
        with pytest.raises(ValueError, match="'l4' is defined twice"):
            ask("l4")
    assert "l4" in names("gpu")
    assert cm.estimate(cm.zoo.build("resnet18"), cm.W8A8, device("l40s")).totals == before


def test_without_the_variable_the_folder_is_in_the_home(monkeypatch):
    monkeypatch.delenv("BITFRONT_HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: Path("/somewhere"))
    assert load.user_folder() == Path("/somewhere/.config/bitfront")


@pytest.mark.parametrize(("call", "near"), [(gpu, "h100"), (fpga, "zcu10"), (device, "a100-sxm")])
def test_an_unknown_name_is_answered_with_near_ones(home, call, near):
    with pytest.raises(UnknownNameError, match="did you mean"):
        call(near)


def test_no_cpu_is_known_before_one_is_measured(home):
    assert names("cpu") == []
    with pytest.raises(UnknownNameError, match="unknown cpu 'mine'; none is known"):
        cpu("mine")
    text = GPU.replace("l2_bytes = 50e6\nsm_count = 100\nclock_hz = 1e9\npower_w = 300", "cores = 4").replace(
        "gpu", "cpu"
    )
    put(home / "cpus", text)
    assert isinstance(cpu("mine"), Cpu)


def test_a_name_is_one_kind_or_it_is_not_told_apart(home):
    put(home / "fpgas", FPGA, "t4")
    with pytest.raises(ValueError, match="'t4' is both a gpu and a fpga"):
        device("t4")


def test_a_gpu_may_name_the_software_of_its_kernels(tmp_path):
    assert (device("h100_sxm:vllm").backend, gpu("h100_sxm:vllm").name) == ("vllm", "h100_sxm")
    assert gpu("h100_sxm").backend == ""
    for wrong in ("zcu104:vllm", "h100_sxm:", ":vllm"):
        with pytest.raises(ValueError, match=r"like h100_sxm:vllm|unknown device"):
            device(wrong)
    with pytest.raises(ValueError, match="describes a Gpu, expected a Fpga"):
        fpga("h100_sxm:vllm")


def test_a_processor_that_is_not_known_says_where_its_file_would_be(monkeypatch, tmp_path):
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))
    path = tmp_path / "cpus" / "my_epyc.toml"
    with pytest.raises(ValueError, match="unknown gpu 'my_epyc'") as refused:
        hardware.processor("my_epyc")
    assert f"the TOML that profile cpu writes of it is {path}" in str(refused.value)
    save.write(Cpu("my_epyc", PeakFlops(vector=1e11, fp32=1e11), 1e10, 2e10, 1), path)
    assert hardware.processor("my_epyc").cores == 1
    with pytest.raises(UnknownNameError, match="did you mean h100_sxm"):
        hardware.processor("h100_sxn")
