"""What scans promise: a cost that grows with the tokens, not with their square."""

import pytest

from costmodel import zoo
from costmodel.estimators.estimate import estimate
from costmodel.hardware import gpu
from costmodel.precision import W16A16


def macs(name: str, resolution: int) -> float:
    return sum(
        op.macs for op in zoo.build(name, resolution=resolution).ops if op.name not in ("head", "classifier.head")
    )


@pytest.mark.parametrize("name", ["vig_tiny", "vig_base"])
def test_four_times_the_pixels_cost_vig_four_times_the_macs(name: str) -> None:
    assert macs(name, 448) == pytest.approx(4 * macs(name, 224), rel=1e-9)
    assert macs("deit_tiny_patch16_224", 448) > 4.5 * macs("deit_tiny_patch16_224", 224)


def test_vig_overtakes_deit_as_images_grow() -> None:
    small, large = (macs("deit_tiny_patch16_224", r) / macs("vig_tiny", r) for r in (224, 1024))
    assert 1.0 < small < 1.2
    assert large > 3.5


def test_an_atrous_scan_covers_odd_sides() -> None:
    """63 tokens a side: each of four routes takes 32 x 32 of them."""
    scan = zoo.build("efficientvmamba_tiny", resolution=252).op("layers.0.blocks.0.op.scan")
    channels, states = 4 * 2 * 48, 16
    assert scan.vector_flops == 32 * 32 * channels * (9 * states + 1)


@pytest.mark.parametrize("name", ["vig_small", "efficientvmamba_small"])
def test_scans_run_on_a_gpu(name: str) -> None:
    found = estimate(zoo.build(name, batch=8), W16A16, gpu("a100_sxm"))
    assert 0 < found.totals["latency_s"] < 0.1
