"""Devices written and read back are the same, and a failed writing leaves nothing."""

from dataclasses import replace
from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel import files
from costmodel.hardware import Cpu, PeakFlops, device, fpga, gpu, load, names, save

POSITIVE = st.floats(min_value=5e-324, max_value=1.7e308) | st.integers(min_value=1, max_value=2**53)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(
    name=TEXT,
    values=st.tuples(st.floats(1e6, 1e16), st.floats(1e6, 1e16), st.integers(1, 2**53)),
    vector=st.floats(1e6, 1e20) | st.just(nan),
    clock=st.floats(1e6, 1e11) | st.just(nan),
    sources=st.dictionaries(TEXT, TEXT, max_size=3),
)
def test_a_cpu_reads_back_as_it_was(tmp_path_factory, name, values, vector, clock, sources):
    written = Cpu(name, PeakFlops(vector=vector, int8=3e9), *values, clock_hz=clock, sources=sources)
    found = load.read(save.write(written, tmp_path_factory.getbasetemp() / "round" / "trip.toml"))
    for key in ("name", "memory_bytes", "memory_bytes_per_s", "cores", "sources", "memory_kind"):
        assert getattr(found, key) == getattr(written, key)
    for one, other in ((found.clock_hz, clock), (found.peak_flops.vector, vector), (found.peak_flops.int8, 3e9)):
        assert one == other or (isnan(one) and isnan(other))


@pytest.mark.parametrize("kind", ["gpu", "fpga"])
def test_every_device_of_the_folder_reads_back_as_it_was(tmp_path, kind):
    for name in names(kind):
        found = device(name)
        again = load.read(save.write(found, tmp_path / f"{name}.toml"))
        assert again == found
        assert again.sources == found.sources


def test_folders_are_made_and_a_file_is_replaced(tmp_path):
    path = tmp_path / "a" / "b" / "t4.toml"
    save.write(gpu("t4"), path)
    save.write(replace(gpu("t4"), power_w=71), path)
    assert gpu(str(path)).power_w == 71
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("value", [nan, inf, -1, 0])
def test_a_value_that_cannot_be_read_is_not_written(tmp_path, value):
    path = tmp_path / "t4.toml"
    with pytest.raises(ValueError, match="t4: memory_bytes must be a positive finite number"):
        save.write(replace(gpu("t4"), memory_bytes=value), path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [inf, -1, 0])
def test_a_peak_that_cannot_be_read_is_not_written(tmp_path, value):
    with pytest.raises(ValueError, match="t4: fp16 must be a positive finite number"):
        save.write(replace(gpu("t4"), peak_flops=PeakFlops(vector=1e12, fp16=value)), tmp_path / "t4.toml")


def test_a_failed_writing_leaves_the_old_file(tmp_path, monkeypatch):
    path = save.write(fpga("u50"), tmp_path / "u50.toml")
    monkeypatch.setattr(files.os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save.write(replace(fpga("u50"), lut=1), path)
    assert fpga(str(path)) == fpga("u50")
    assert list(tmp_path.iterdir()) == [path]


def test_numbers_are_written_as_people_write_them():
    text = save.dump(gpu("h100_sxm"))
    for line in ("memory_bytes = 80e9", "sm_count = 132", "bf16 = 989.4e12", "process_m = 4e-9", 'memory_kind = "HBM"'):
        assert line in text.splitlines()
