"""The data-free proxy: quantisation noise of normal values."""

from statistics import NormalDist

import numpy as np
import pytest

from costmodel.catalog import UnknownNameError
from costmodel.formats import get, names
from costmodel.workload import Op
from dse.sensitivity import noise_to_signal, sqnr_loss

LINEAR = Op("fc", "linear", weight_elements=12.0)
ATTENTION = Op("attention", "attention")


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize(
    "family",
    [
        [f"int{b}" for b in range(2, 17)],
        [f"uint{b}" for b in range(2, 17)],
        [f"int{b}_g32" for b in range(2, 13)],  # beyond, the fp16 scale's own rounding is the noise
        [f"e4m{m}" for m in range(1, 11)],
        ["fp8_e4m3", "bf16", "fp16", "fp32"],
        ["mxfp4", "mxfp6", "mxfp8"],
    ],
    ids=lambda family: family[0],
)
def test_more_bits_are_less_noise(family, nonnegative):
    noise = [noise_to_signal(fmt, nonnegative=nonnegative or fmt.startswith("u")) for fmt in family]
    assert (np.diff(noise) < 0).all()


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("nonnegative", [False, True])
def test_many_bits_have_the_noise_of_a_uniform_error(bits, nonnegative):
    share = 1 - 0.5 / 4096
    absmax = NormalDist().inv_cdf((1 + share) / 2 if nonnegative else share)
    codes = 2**bits - 1 if nonnegative else 2 ** (bits - 1) - 1
    uniform = (absmax / codes) ** 2 / 12  # a standard normal's power is 1
    assert noise_to_signal(f"int{bits}", nonnegative=nonnegative) == pytest.approx(uniform, rel=0.05)


@pytest.mark.parametrize("mantissa", [4, 5, 6])
def test_floats_have_the_noise_of_a_uniform_error_in_each_binade(mantissa):
    x = np.abs(np.random.default_rng(0).standard_normal(200_000))
    step = 2.0 ** (np.floor(np.log2(x)) - mantissa)
    uniform = np.mean(step**2 / 12) / np.mean(x**2)
    assert noise_to_signal(f"e8m{mantissa}") == pytest.approx(uniform, rel=0.2)  # binades move with the scale


def test_a_finer_scale_is_less_noise():
    for bits in (3, 4, 8):
        assert noise_to_signal(f"int{bits}_g32") < noise_to_signal(f"int{bits}_g128") < noise_to_signal(f"int{bits}")
    assert noise_to_signal("nvfp4") < noise_to_signal("mxfp4")


def test_never_negative_integers_use_the_sign_bit():
    assert noise_to_signal("int4", nonnegative=True) == noise_to_signal("uint4", nonnegative=True)
    ratio = noise_to_signal("int8", nonnegative=True) / noise_to_signal("int8")
    assert ratio == pytest.approx(0.25, rel=0.15)


@pytest.mark.parametrize("name", [n for n in names() if n != "e8m0"])
def test_every_listed_format_has_a_finite_noise(name):
    noise = noise_to_signal(name, nonnegative=not get(name).signed)
    assert np.isfinite(noise)
    assert 0 <= noise < 1


def test_formats_and_their_names_are_one():
    assert noise_to_signal(get("int4")) == noise_to_signal("INT4") == noise_to_signal("int4")
    with pytest.raises(UnknownNameError, match="did you mean"):
        noise_to_signal("itn4")


def test_weight_and_input_noise_add():
    table = sqnr_loss([LINEAR, ATTENTION], ["w4a8", "w8a8", "w32a32"])
    assert table.shape == (2, 3)
    assert table[0, 0] == noise_to_signal("int4") + noise_to_signal("int8")
    assert table[1, 0] == noise_to_signal("int8")
    assert table[0, 2] < 1e-12
    assert (np.diff(table[0]) < 0).all()


def test_named_inputs_are_never_negative():
    table = sqnr_loss([LINEAR], ["w4a4"], nonnegative=["fc"])
    assert table[0, 0] == noise_to_signal("int4") + noise_to_signal("int4", nonnegative=True)


def test_no_ops_give_an_empty_table():
    assert sqnr_loss([], ["w4a4", "w8a8"]).shape == (0, 2)
