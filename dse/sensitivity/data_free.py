"""What an option costs in quality without data: the noise that its formats add to normally distributed values.

Lin, Talathi, Annapureddy, Fixed Point Quantization of Deep Convolutional Networks, arXiv 1511.06393: to first order the
noise-to-signal ratios (inverse SQNRs) of all weights and activations add up to that of the network's output.
"""

from collections.abc import Container, Sequence
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from costmodel.formats import Format, get, quantize
from costmodel.precision import Precision, precision
from costmodel.strategies.nm_sparsity import NMSparsity
from costmodel.workload import Op

POINTS = 4096


def noise_to_signal(fmt: Format | str, *, nonnegative: bool = False, kept: tuple[int, int] = (1, 1)) -> float:
    """Return quantisation noise power over signal power of a standard normal sample, scaled as a layer would be.

    The sample is its own calibration: its largest magnitude meets the format's largest value, group formats scale each
    group, floats of 16 bits and more are cast. `nonnegative` takes a half normal, a ReLU's outputs without their zeros
    (exact, so they add neither noise nor signal), and for integers the unsigned format of the same width. `kept` (n, m)
    sets all but the n largest of every m values to zero first, without retraining.
    """
    return _noise_to_signal(get(fmt) if isinstance(fmt, str) else fmt, nonnegative, kept)


def sqnr_loss(
    ops: Sequence[Op],
    precisions: Sequence[Precision | str],
    *,
    nonnegative: Container[str] = (),
    sparsity: Sequence[NMSparsity | None] = (),
) -> NDArray[np.float64]:
    """Return float64 [ops, precisions]: the noise-to-signal ratios of each op's weight and input, added.

    An op without weights adds that of its input alone. `nonnegative` holds names of ops whose input is never negative.
    `sparsity` prunes the weights at each precision. Layers of one kind get equal rows: without data nothing says which
    of them matters more.
    """
    choices = [precision(p) if isinstance(p, str) else p for p in precisions]
    kept = [(s.n, s.m) if s else (1, 1) for s in sparsity or (None,) * len(choices)]
    rows = [
        [
            noise_to_signal(choice.activation, nonnegative=op.name in nonnegative)
            + (noise_to_signal(choice.weight, kept=share) if op.weight_elements > 0 else 0.0)
            for choice, share in zip(choices, kept, strict=True)
        ]
        for op in ops
    ]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(choices))


@cache
def _noise_to_signal(fmt: Format, nonnegative: bool, kept: tuple[int, int]) -> float:
    whole = _sample(nonnegative)[None]
    x = _pruned(whole, *kept)
    if nonnegative and fmt.encoding == "integer" and fmt.signed and not fmt.scale:
        fmt = get(f"uint{fmt.bits}")
    noise = quantize(x, fmt, axis=-1 if fmt.scale else 0) - whole
    return float(np.sum(noise**2) / np.sum(whole**2))


def _pruned(x: NDArray[np.float64], n: int, m: int) -> NDArray[np.float64]:
    """The values with all but the n largest of every m set to zero; a rest of less than m stays."""
    result = x.copy()
    groups = result[:, : x.shape[1] // m * m].reshape(-1, m)
    small = np.argsort(np.abs(groups), axis=1, kind="stable")[:, : m - n]
    np.put_along_axis(groups, small, 0.0, axis=1)
    return result


def _sample(nonnegative: bool) -> NDArray[np.float64]:
    """Quantiles at the middles of POINTS equal shares of probability, in a fixed pseudo-random order."""
    inverse = NormalDist().inv_cdf
    shares = (np.arange(POINTS) + 0.5) / POINTS
    quantiles = np.array([inverse((1 + p) / 2 if nonnegative else p) for p in shares.tolist()])
    order = np.argsort(np.random.PCG64(0).random_raw(POINTS), kind="stable")
    return quantiles[order]
