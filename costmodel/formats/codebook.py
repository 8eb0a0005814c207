"""Formats whose codes index a table of values: NF4, bitsandbytes' FP4, and binary and ternary weights.

Dettmers et al., QLoRA: Efficient Finetuning of Quantized LLMs, arXiv 2305.14314, appendix E: the sixteen values,
quantiles of a standard normal scaled to [-1, 1] with an exact zero, in blocks of 64 with an fp32 absmax. Its section 3
stores that as an 8-bit float, with an fp32 scale every 256 blocks: nf4_dq, for double quantisation, with one a tensor.
bitsandbytes' FP4 (functional.py, get_4bit_type) has a sign, two bits of which more mean a smaller exponent, and one of
mantissa, scaled to [-1, 1], in the same blocks.
"""

from costmodel.formats.format import Format

NF4 = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
    -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
    0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip

_FP4 = tuple(value / 12 for value in (0.0625, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0))
FP4_BNB = (*(-value for value in reversed(_FP4)), 0.0, *_FP4)


def _blocks(name: str, values: tuple[float, ...], *, scale: str, scale_bits: int) -> Format:
    return Format(name, 4, encoding="codebook", scale=scale, scale_bits=scale_bits, group_size=64, codebook=values)


FORMATS = (
    _blocks("nf4", NF4, scale="fp32", scale_bits=32),
    _blocks("nf4_dq", NF4, scale="fp8_e4m3", scale_bits=8),
    _blocks("fp4_bnb", FP4_BNB, scale="fp32", scale_bits=32),
    _blocks("fp4_bnb_dq", FP4_BNB, scale="fp8_e4m3", scale_bits=8),
    Format("binary", 1, encoding="codebook", codebook=(-1.0, 1.0)),
    Format("ternary", 2, encoding="codebook", codebook=(-1.0, 0.0, 1.0)),
)

_BY_NAME = {f.name: f for f in FORMATS}


def parse(name: str) -> Format | None:
    """Read a listed name; None if it is not one."""
    return _BY_NAME.get(name)
