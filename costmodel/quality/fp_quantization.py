"""The loss of a language model trained in floating point of few bits, from its size, its data and the format.

Sun et al., Scaling Laws for Floating-Point Quantization Training, arXiv 2501.02423: the law and the constants of
table 2. It was fitted on models of less than 1e9 parameters, the operands of their products in one format, and checked
on one of 1.2e9; beyond that it extrapolates.
"""

import numpy as np

from costmodel.bounds import require_above, require_at_least
from costmodel.claim import Claim
from costmodel.formats import Format
from costmodel.record import Real
from costmodel.workload.attention_shapes import Attention
from costmodel.workload.feed_forward_shapes import Mlp
from costmodel.workload.language_model import Block, LanguageModel
from costmodel.workload.serving import forward

N_SCALE, N_POWER = 69.2343, 0.2368
"""n and alpha: loss that parameters take away."""
D_SCALE, D_POWER = 68973.0621, 0.5162
"""d and beta: loss that tokens take away."""
FLOOR = 1.9061
"""epsilon: loss that neither takes away."""
GAMMA, E_POWER, M_POWER = 11334.5197, 3.1926, 2.9543
"""gamma, delta and nu: how exponent and mantissa bits take away what the format adds."""

BLOCK = 128
"""Elements that share a scale where a format stores none: the block of the source's figures 17 and 18."""


def loss(*, params: Real, tokens: Real, exponent_bits: Real, mantissa_bits: Real, block: Real = BLOCK) -> Real:
    """Cross-entropy a token after training `params` non-embedding parameters on `tokens`.

    Operands of products have `exponent_bits` and `mantissa_bits`, and `block` of them share a scale. Arrays broadcast.
    ValueError unless parameters and tokens are above 0, bits at least 0 and blocks at least 1.
    """
    require_above(0, params=params, tokens=tokens)
    _require_format(exponent_bits, mantissa_bits, block)
    added = tokens**D_POWER / params**N_POWER * np.log2(block) / (GAMMA * _range(exponent_bits, mantissa_bits))
    return N_SCALE / params**N_POWER + D_SCALE / tokens**D_POWER + FLOOR + added


def critical_tokens(*, params: Real, exponent_bits: Real, mantissa_bits: Real, block: Real = BLOCK) -> Real:
    """Tokens beyond which more of them raise the loss: where its derivative by them is 0; infinite for a block of 1.

    ValueError as of `loss`.
    """
    require_above(0, params=params)
    _require_format(exponent_bits, mantissa_bits, block)
    with np.errstate(divide="ignore"):
        ratio = D_SCALE * GAMMA * params**N_POWER * _range(exponent_bits, mantissa_bits) / np.log2(block)
    return ratio ** (1 / (2 * D_POWER))


def layout(bits: int) -> tuple[int, int]:
    """Exponent and mantissa bits of the signed format of `bits` that loses least; ValueError below 2 bits."""
    if bits < 2:
        raise ValueError(f"a signed float has at least 2 bits, got {bits}")
    exponent = max(range(bits), key=lambda e: float(_range(e, bits - 1 - e)))
    return exponent, bits - 1 - exponent


def best_bits(tokens: Real, block: Real = BLOCK) -> Real:
    """Bits, a real number, that lose least at any given cost, params x tokens x bits, of training on `tokens`.

    Exponent and mantissa share the bits as E + 1/2 : M + 1/2 = delta : nu. At a fixed cost the parameters fall as bits
    rise, so that the loss varies as bits^alpha (n + c / bits^(delta + nu)). ValueError as of `loss`.
    """
    require_above(0, tokens=tokens)
    require_at_least(1, block=block)
    power = E_POWER + M_POWER
    c = tokens**D_POWER * np.log2(block) / (GAMMA * (E_POWER / power) ** E_POWER * (M_POWER / power) ** M_POWER)
    return (c * (power - N_POWER) / (N_POWER * N_SCALE)) ** (1 / power)


def trained_loss(fmt: Format, *, params: Real, tokens: Real) -> Real:
    """`loss` of training in a format; nan for an integer or codebook, which the law does not cover."""
    if not fmt.is_float or not fmt.signed:
        return np.full(np.broadcast_shapes(np.shape(params), np.shape(tokens)), np.nan)[()]
    block = fmt.group_size if fmt.scale else BLOCK
    e, m = fmt.exponent_bits, fmt.mantissa_bits
    return loss(params=params, tokens=tokens, exponent_bits=e, mantissa_bits=m, block=block)


def _require_format(exponent_bits: Real, mantissa_bits: Real, block: Real) -> None:
    require_at_least(0, exponent_bits=exponent_bits, mantissa_bits=mantissa_bits)
    require_at_least(1, block=block)


def _range(exponent_bits: Real, mantissa_bits: Real) -> Real:
    return np.power(exponent_bits + 0.5, E_POWER) * np.power(mantissa_bits + 0.5, M_POWER)


_PAPER = "Sun et al., arXiv 2501.02423"


def _non_embedding(layers: int, d_model: int, d_ff: int) -> float:
    """Weights of the products of one of the paper's models (table 3), whose blocks are Llama's."""
    block = Block(Attention(d_model // 64, d_model // 64, 64), Mlp(d_ff))
    ops = forward(LanguageModel("model", 1000, d_model, (block,) * layers), context=1).ops
    return float(sum(op.weight_elements for op in ops if op.kind == "linear" and op.name != "lm_head"))


def _size(name: str, published: float, layers: int, d_model: int, d_ff: int, rtol: float) -> Claim:
    return Claim("FP quantisation training", f"params-{name}", f"non-embedding parameters of the {name} model",
                 f"{_PAPER}, table 3", "analytic", published,
                 lambda: _non_embedding(layers, d_model, d_ff), rtol, how="count")  # fmt: skip


def _exponent(bits: int, published: int) -> Claim:
    return Claim("FP quantisation training", f"layout-fp{bits}", f"exponent bits of the best FP{bits}",
                 f"{_PAPER}, as a review of it reports", "analytic", published,
                 lambda: layout(bits)[0], rtol=0.0)  # fmt: skip


def _constant(name: str, value: float) -> Claim:
    return Claim("FP quantisation training", f"constant-{name}", f"fitted constant {name}", f"{_PAPER}, table 2",
                 "training", value)  # fmt: skip


def _critical(name: str, published: float, exponent_bits: int, mantissa_bits: int) -> Claim:
    return Claim("FP quantisation training", f"critical-{name}", f"critical tokens of 1e9 parameters in {name}, 1e12",
                 f"{_PAPER}, the derivative of its law with the constants of table 2", "analytic", published,
                 lambda: float(critical_tokens(params=1e9, exponent_bits=exponent_bits, mantissa_bits=mantissa_bits))
                 / 1e12, rtol=5e-4, how="evaluated")  # fmt: skip


CLAIMS = (
    _size("41M", 40894464, 12, 512, 1536, 0.0),
    _size("85M", 85e6, 12, 768, 2048, 0.01),
    _size("154M", 154e6, 12, 1024, 2816, 0.01),
    _size("679M", 679e6, 24, 1536, 4096, 0.01),
    _size("1.2B", 1.2e9, 24, 2048, 5632, 0.04),
    _exponent(4, 2),
    _exponent(8, 4),
    _exponent(16, 8),
    _critical("BF16", 1729.5, 8, 7),
    _critical("E4M3", 27.33, 4, 3),
    _critical("E2M1", 0.393, 2, 1),
    Claim("FP quantisation training", "best-bits", "share of 1e11 to 1e14 tokens whose cost-optimal width is 4-8 bits",
          f"{_PAPER}, figures 17 and 18", "analytic", 1.0,
          lambda: float(np.mean(np.abs(best_bits(np.logspace(11, 14, 31)) - 6) <= 2)), rtol=0.0, how="definition"),
    *(_constant(name, value) for name, value in {
        "n": N_SCALE, "alpha": N_POWER, "d": D_SCALE, "beta": D_POWER, "epsilon": FLOOR, "gamma": GAMMA,
        "delta": E_POWER, "nu": M_POWER}.items()),
)  # fmt: skip
