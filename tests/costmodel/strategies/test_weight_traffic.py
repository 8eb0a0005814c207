"""Bounds of narrow weights: what estimates may not beat, and where W8A8 overtakes W4A16."""

import numpy as np
import pytest

import costmodel as cm
from costmodel.strategies.weight_traffic import arithmetic_bound, bound, crossover_tokens, traffic_bound

W4A16, INT8, FP8 = (cm.precision(p) for p in ("int4_g128/bf16", "int8/int8", "fp8_e4m3/fp8_e4m3"))
MODEL = {"phase": "decode", "context": 256}


@pytest.mark.parametrize("device", ["a100_sxm", "h100_sxm", "l40s"])
@pytest.mark.parametrize("used", [W4A16, INT8])
def test_no_estimate_of_large_products_beats_the_bound(device, used):
    gpu = cm.gpu(device)
    for batch in (1, 16, 256):
        net = cm.zoo.build("llama-3.1-8b", batch=batch, **MODEL)
        wide, narrow = (cm.estimate(net, p, gpu).totals["roofline_s"] for p in ("bf16", used))
        assert wide / narrow <= max(traffic_bound(used), arithmetic_bound(used, gpu))
        if batch == 1:
            assert 0.8 * bound(used, gpu, batch) < wide / narrow <= bound(used, gpu, batch)


def test_the_bound_goes_from_traffic_to_arithmetic():
    gpu = cm.gpu("a100_sxm")
    tokens = np.geomspace(1, 1e5, 200)
    for used in (W4A16, INT8):
        found = bound(used, gpu, tokens)
        assert found[0] == pytest.approx(traffic_bound(used))
        assert found[-1] == pytest.approx(arithmetic_bound(used, gpu))
        assert (np.diff(found) <= 1e-12).all() or used is INT8


def test_w8a8_overtakes_at_the_crossover():
    for device, other in (("a100_sxm", INT8), ("h100_sxm", FP8)):
        gpu = cm.gpu(device)
        at = crossover_tokens(W4A16, other, gpu)
        ratio = bound(W4A16, gpu, np.array([0.9, 1.0, 1.1]) * at) / bound(other, gpu, np.array([0.9, 1.0, 1.1]) * at)
        assert ratio[0] > 1 > ratio[2]
        assert ratio[1] == pytest.approx(1)
    assert np.isnan(crossover_tokens(INT8, W4A16, cm.gpu("a100_sxm")))
    assert np.isnan(arithmetic_bound(FP8, cm.gpu("a100_sxm")))
