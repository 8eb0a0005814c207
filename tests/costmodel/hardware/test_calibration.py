"""Reading calibrations: the user's own come first, and a wrong file says what is wrong."""

import numpy as np
import pytest

from costmodel.hardware import calibration

TEXT = """
model = "gemm"
device = "mine"
measured_on = "mine"
source = "made up"

[[fit]]
math = "bfloat16"
backend = "b"
rows = 3
pairs = 2
ranges = { m = [1, 2], n = [3, 4], k = [5, 6] }
constants = { compute_efficiency = 0.5 }
held_out_error = { residual_mape = 0.1 }
intervals = { edges_s = [1e-5] }
"""


@pytest.fixture
def put(tmp_path, monkeypatch):
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))
    folder = tmp_path / "calibrations"
    folder.mkdir()

    def write(text, name="mine_gemm.toml"):
        path = folder / name
        path.write_text(text)
        return path

    return write


def test_a_file_reads_as_its_fits(put):
    (fit,) = calibration.read(put(TEXT))
    assert (fit.device, fit.math, fit.backend, fit.how) == ("mine", "bfloat16", "b", "calibrated")
    assert fit.ranges["k"] == (5.0, 6.0)
    assert fit.constants == {"compute_efficiency": 0.5}
    assert fit.backends == ("b",)
    assert fit.residual == {}


def answering(named, device="h100_sxm", math="bfloat16"):
    found = calibration.calibrations("gemm", named)
    return sorted((fit.backend, fit.users) for fit in found if (fit.device, fit.math) == (device, math))


def test_the_users_fits_replace_those_of_the_same_device_and_math_where_no_software_is_named(put):
    shipped = calibration.calibrations("gemm")
    put(TEXT.replace('"mine"', '"h100_sxm"', 1))
    both = calibration.calibrations("gemm")
    ours = [fit for fit in both if fit.device == "h100_sxm" and fit.math == "bfloat16"]
    assert [fit.source for fit in ours] == ["made up"]
    others = [(fit.device, fit.math) != ("h100_sxm", "bfloat16") for fit in shipped]
    assert len(both) == 1 + sum(others)


@pytest.mark.parametrize("own", ["b", "", "vllm"])
def test_named_software_keeps_its_fit_beside_the_users_of_other_software(put, own):
    put(TEXT.replace('"mine"', '"h100_sxm"', 1).replace('backend = "b"', f'backend = "{own}"'))
    for named in ("trtllm", "torch"):
        assert answering(named) == sorted([(own, True), (named, False)])
    assert answering("vllm") == sorted({(own, True), ("vllm", own == "vllm")})
    for unknown in ("", "b", "nobody's"):
        assert answering(unknown) == [(own, True)]
    listed = [fit.backend for fit in calibration.every("gemm") if (fit.device, fit.math) == ("h100_sxm", "bfloat16")]
    assert sorted(listed) == sorted({own, "torch", "trtllm", "vllm"})


def test_the_users_fits_by_name_leave_unnamed_software_what_it_takes(put):
    before = answering("")
    put(TEXT.replace('"mine"', '"h100_sxm"', 1).replace("[[fit]]", "by_name = true\n\n[[fit]]"))
    assert answering("") == answering("nobody's") == before
    assert ("b", True) in answering("b")


def test_fits_by_name_answer_for_their_backend_alone(put):
    fit = TEXT[TEXT.index("[[fit]]") :]
    put(TEXT.replace("[[fit]]", "by_name = true\n\n[[fit]]"), "mine_b_gemm.toml")
    put(TEXT.replace(fit, fit.replace('"b"', '"c"')))

    def backends(named=""):
        return [fit.backend for fit in calibration.calibrations("gemm", named) if fit.device == "mine"]

    assert (backends(), backends("c"), sorted(backends("b"))) == (["c"], ["c"], ["b", "c"])
    assert sorted(fit.backend for fit in calibration.every("gemm") if fit.device == "mine") == ["b", "c"]


def test_a_changed_file_is_read_again(put):
    path = put(TEXT)
    assert calibration.read(path)[0].rows == 3
    put(TEXT.replace("rows = 3", "rows = 44444"))
    assert calibration.read(path)[0].rows == 44444


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('source = "made up"', "", "source must be a text, got None"),
        ("rows = 3", "", "a fit lacks rows"),
        ("rows = 3", "rows = 3\ncolour = 4", "unknown key 'colour'"),
        ('model = "gemm"', "model = gemm", "not valid TOML"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(put, old, new, message):
    path = put(TEXT.replace(old, new))
    with pytest.raises(ValueError, match=message) as caught:
        calibration.read(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no calibration file .*nothing\.toml"):
        calibration.read(tmp_path / "nothing.toml")


def test_two_files_for_one_fit_are_ambiguous(put):
    put(TEXT)
    put(TEXT.replace('backend = "b"', 'backend = "c"'), "other_gemm.toml")
    assert sum(fit.device == "mine" for fit in calibration.calibrations("gemm")) == 2
    again = put(TEXT, "third_gemm.toml")
    with pytest.raises(ValueError, match=r"'mine bfloat16 b' is calibrated twice: .*mine_gemm\.toml and ") as caught:
        calibration.calibrations("gemm")
    assert str(again) in str(caught.value)


def test_a_residual_model_s_part_is_read_once_it_is_asked_for(put, monkeypatch):
    arrays = {f"bfloat16.{part}.leaves": np.arange(n) for part, n in (("bias", 2), ("spread", 3))}
    np.savez(put(TEXT).with_name("mine_gemm_residual.npz"), **arrays)
    fit = next(fit for fit in calibration.calibrations("gemm") if fit.device == "mine")
    assert set(fit.residual) == {"bias", "spread"}
    assert not fit.residual.known
    assert fit.residual["spread"]["leaves"].tolist() == [0, 1, 2]
    assert set(fit.residual.known) == {"spread"}
    assert "edges" not in fit.residual
    monkeypatch.setattr(np, "load", None)
    assert fit.residual["spread"]["leaves"].tolist() == [0, 1, 2]


def test_shipped_fits_by_name_are_read_only_for_one_who_names_a_backend(put, monkeypatch):
    read, asked = calibration.read, []
    monkeypatch.setattr(calibration, "read", lambda path: asked.append(path.stem) or read(path))
    unnamed = calibration.calibrations("operation")
    assert not any("torch" in stem for stem in asked)
    assert not any(fit.by_name for fit in unnamed)
    assert [fit.device for fit in calibration.calibrations("operation", "torch")]
    assert any("torch" in stem for stem in asked)
