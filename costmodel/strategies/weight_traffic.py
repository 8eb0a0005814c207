"""What narrow weights can gain at most in serving: W4A16 and W8A8 against bf16.

Kurtic et al., "Give Me BF16 or Give Me Death"? Accuracy-Performance Trade-Offs in LLM Quantization, arXiv 2411.02355,
whose W4A16 is that of the compressed-tensors preset, groups of 128 with a 16-bit scale. Its measured speed-ups could
not be read; these are the bounds that they keep: of traffic at small batches, of arithmetic at large ones.
"""

import numpy as np

from costmodel.claim import Claim
from costmodel.hardware import Gpu
from costmodel.precision import Precision, precision
from costmodel.record import Real

BASELINE = precision("bf16")


def traffic_bound(used: Precision, baseline: Precision = BASELINE) -> float:
    """Greatest speed-up where weights are all that is read: bits a weight of the baseline over those of `used`."""
    return float(baseline.weight.bits_per_element / used.weight.bits_per_element)


def arithmetic_bound(used: Precision, device: Gpu, baseline: Precision = BASELINE) -> float:
    """Greatest speed-up where arithmetic is all that counts: peaks of the pipes, nan where the device lacks one."""
    return float(device.flops_per_s(used) / device.flops_per_s(baseline))


def bound(used: Precision, device: Gpu, tokens: Real, baseline: Precision = BASELINE) -> Real:
    """Greatest speed-up of large products of `tokens` rows by their weights: of the slower of traffic and arithmetic.

    Activations count nothing, as in products much wider than `tokens`. Arrays of tokens give arrays.
    """

    def seconds_a_weight(at: Precision) -> Real:
        read_s = at.weight.bits_per_element / 8 / device.memory_bytes_per_s
        return np.maximum(read_s, 2 * np.asarray(tokens) / device.flops_per_s(at))

    return seconds_a_weight(baseline) / seconds_a_weight(used)


def crossover_tokens(used: Precision, other: Precision, device: Gpu) -> float:
    """Tokens from which arithmetic at `other` overtakes the smaller weights of `used`: W4A16 against W8A8, as a rule.

    Below it `used` reads less; at it, its arithmetic takes as long as the weights of `other` take to read. nan where
    the pipe of `used` is no slower, so that it never loses.
    """
    if device.flops_per_s(used) >= device.flops_per_s(other):
        return float("nan")
    read_s = other.weight.bits_per_element / 8 / device.memory_bytes_per_s
    return float(read_s * device.flops_per_s(used) / 2)


_PAPER = "Kurtic et al., arXiv 2411.02355"


CLAIMS = (
    Claim("BF16 or death", "traffic-w8a8", "bound of W8A8's speed-up by weight traffic", f"{_PAPER}: 16 / 8 bits",
          "analytic", 2.0, lambda: traffic_bound(precision("w8a8")), rtol=0.0, how="definition"),
    Claim("BF16 or death", "traffic-w4a16", "bound of W4A16's speed-up by weight traffic, groups of 128",
          f"{_PAPER}, its preset in compressed-tensors: 16 / (4 + 16 / 128) bits", "analytic", 3.88,
          lambda: traffic_bound(precision("int4_g128/bf16")), rtol=1e-3, how="evaluated"),
    Claim("BF16 or death", "accuracy-int8-least", "accuracy lost by W8A8-INT, %, at least", f"{_PAPER}, abstract",
          "training", 1.0),
    Claim("BF16 or death", "accuracy-int8-most", "accuracy lost by W8A8-INT, %, at most", f"{_PAPER}, abstract",
          "training", 3.0),
)  # fmt: skip
