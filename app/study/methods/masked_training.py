"""FP8 back again: a digits network trained in floats of fewer bits, how sharp its minimum is, its step on an H100."""

from collections.abc import Iterator

from app.study.row import Row
from costmodel.hardware import gpu
from dse.compression.masked_training import compare

LAYOUTS = ((8, 23), (8, 7), (5, 10), (4, 3), (5, 2), (3, 2))
"""Bits of exponent and mantissa: fp32, bf16, fp16, the two of FP8, and fewer."""
EPOCHS = 12


def rows(seed: int) -> Iterator[Row]:
    """Yield every layout, its step's time over that in fp32, nan where the GPU has no pipe for it, and its sharpness.

    Sharpness is that of the held-out loss around the logits (dse.sensitivity.sharpness).
    """
    import torch

    from app.demo.network import DigitsNet, digits, use_one_thread

    use_one_thread()
    data = digits(seed)

    def make() -> DigitsNet:
        torch.manual_seed(seed)
        return DigitsNet()

    found = compare(make, data["train"], data["test"], LAYOUTS, device=gpu("h100_sxm"), epochs=EPOCHS)
    for row in found:
        setting = f"e{row.exponent_bits}m{row.mantissa_bits}" + " (diverged)" * row.diverged
        share = row.step_s / found[0].step_s
        beside = {"sharpness": row.sharpness}
        yield Row("digits CNN", setting, "time of a step", share, "right answers", row.accuracy, seed, beside)
