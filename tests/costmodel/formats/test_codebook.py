import numpy as np
from scipy.stats import norm

from costmodel.formats import cast, get, quantize, values


def test_nf4_values_are_the_normal_quantiles_of_qlora():
    """Dettmers et al., arXiv 2305.14314, appendix E, with the offset (1 - 1/32 + 1 - 1/30) / 2 of bitsandbytes."""
    offset = 0.5 * ((1 - 1 / 32) + (1 - 1 / 30))
    assert round(offset, 7) == 0.9677083
    upper = norm.ppf(np.linspace(offset, 0.5, 9)[:-1])
    lower = -norm.ppf(np.linspace(offset, 0.5, 8)[:-1])
    quantiles = np.sort(np.concatenate([upper, [0.0], lower]))
    np.testing.assert_allclose(values("nf4"), quantiles / quantiles.max(), atol=1e-6)


def test_nf4_has_sixteen_values_an_exact_zero_and_both_ends():
    grid = values("nf4")
    assert len(grid) == 16
    assert (grid[0], grid[7], grid[-1]) == (-1.0, 0.0, 1.0)
    assert get("nf4").codebook == tuple(grid)


def test_fp4_of_bitsandbytes_has_a_sign_two_bits_of_a_falling_exponent_and_one_of_mantissa():
    """Exponent code e is 2 ** (4 - e), and 0 the one small value beside zero; the table is scaled to 1."""
    magnitudes = [0.0, 0.0625, *(2.0 ** (4 - e) * (1 + m / 2) for e in (1, 2, 3) for m in (0, 1))]
    codes = {sign * value / max(magnitudes) for sign in (-1, 1) for value in magnitudes}
    np.testing.assert_allclose(values("fp4_bnb"), sorted(codes), rtol=1e-15)


def test_cast_takes_the_nearest_entry():
    grid = values("nf4")
    x = np.random.default_rng(3).uniform(-1.2, 1.2, 4000)
    nearest = grid[np.abs(x[:, None] - grid).argmin(axis=1)]
    np.testing.assert_array_equal(cast(x, "nf4"), nearest)
    np.testing.assert_array_equal(cast([-np.inf, np.inf, np.nan], "nf4"), [-1.0, 1.0, np.nan])


def test_blocks_of_64_share_an_fp32_absmax():
    x = np.random.default_rng(4).standard_normal(150)
    done = quantize(x, "nf4")
    for start in (0, 64, 128):
        block = x[start : start + 64]
        scale = float(np.float32(np.abs(block).max()))
        np.testing.assert_array_equal(done[start : start + 64], cast(block / scale, "nf4") * scale)


def test_double_quantisation_rounds_the_absmax_of_blocks_to_8_bits():
    """By hand: the tensor's largest absmax, 3.5, is 448 of its scale, and 1 is 128 of it, both of which e4m3 has."""
    x = np.repeat([3.5, 1.0, 0.0], 64)
    np.testing.assert_array_equal(quantize(x, "nf4_dq"), x)
    x[64:128] = 1.03  # is 131.84 of the scale; e4m3 has 128 and 144
    np.testing.assert_array_equal(quantize(x, "nf4_dq"), np.repeat([3.5, 1.0, 0.0], 64))
