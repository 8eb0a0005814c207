"""A design along an axis is what estimate says at each value."""

import numpy as np
import pytest

import costmodel as cm
from costmodel.strategies import strategy
from dse.curves import along, latency_band

DRAFT = "speculative_decoding:draft_tokens=3,acceptance_rate=0.7"


@pytest.mark.parametrize(
    ("device", "metric", "text"),
    [
        ("a100_sxm", "latency_s", "none"), ("a100_sxm", "latency_s", DRAFT), ("l40s", "energy_j", "none"),
        ("a100_sxm", "footprint_bytes", DRAFT), ("a100_sxm", "latency_high_s", "none"),
    ],
)  # fmt: skip
def test_values_are_those_of_estimate(device, metric, text):
    curve = along("batch", "zoo:llama-3.2-1b", "w4a16", cm.gpu(device), strategy_text=text, metric=metric,
                  shape={"context": 500, "phase": None})  # fmt: skip
    found = curve(np.array([1.0, 7.0, 40.0]))
    for batch, value in zip((1, 7, 40), found, strict=True):
        decode = strategy(text)(cm.zoo.build("llama-3.2-1b", batch=batch, context=500))
        assert value == pytest.approx(cm.estimate(decode, "w4a16", cm.gpu(device)).totals[metric], rel=1e-12)


@pytest.mark.parametrize(
    ("device", "model", "text"), [("a100_sxm", "llama-3.2-1b", DRAFT), ("l40s", "resnet18", "none")]
)
def test_a_band_holds_the_ends_that_estimate_says(device, model, text):
    shape = {"context": 500} if "llama" in model else {}
    low, high = latency_band("batch", f"zoo:{model}", "w8a8", cm.gpu(device), strategy_text=text, shape=shape)
    batches = np.array([1.0, 7.0, 40.0])
    for batch, *found in zip((1, 7, 40), low(batches), high(batches), strict=True):
        net = strategy(text)(cm.zoo.build(model, batch=batch, **shape))
        totals = cm.estimate(net, "w8a8", cm.gpu(device)).totals
        assert found == pytest.approx([totals["latency_low_s"], totals["latency_high_s"]], rel=1e-12)
    assert low(batches[:1]) == low(batches)[:1]


@pytest.mark.parametrize(
    ("precision", "metric", "says"),
    [("fp8_e4m3/fp8_e4m3", "latency_s", "no fp8 pipe"), ("bf16", "lut", "unknown total on a100_sxm 'lut'")],
)
def test_what_a_device_has_not_is_one_line(precision, metric, says):
    curve = along("batch", "zoo:resnet18", precision, cm.gpu("a100_sxm"), metric=metric, shape={})
    with pytest.raises(ValueError, match=says):
        curve(np.array([1.0, 2.0]))
