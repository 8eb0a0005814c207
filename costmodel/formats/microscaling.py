"""Block formats whose elements share a scale: OCP Microscaling (MX) and NVFP4.

OCP Microscaling Formats (MX) Specification v1.0, 2023; Rouhani et al., Microscaling Data Formats for Deep Learning,
arXiv 2310.10537. NVFP4: blocks of 16 with an e4m3 scale and one fp32 scale a tensor.
"""

from dataclasses import replace

from costmodel.formats.format import Format
from costmodel.formats.integer import FORMATS as INTEGERS
from costmodel.formats.minifloat import FORMATS as FLOATS

_ELEMENT = {f.name: f for f in (*FLOATS, *INTEGERS)}


def _block(name: str, element: str, scale: str, group_size: int) -> Format:
    return replace(_ELEMENT[element], name=name, scale=scale, scale_bits=8, group_size=group_size)


FORMATS = (
    _block("mxfp8_e4m3", "fp8_e4m3", "e8m0", 32),
    _block("mxfp8_e5m2", "fp8_e5m2", "e8m0", 32),
    _block("mxfp6_e3m2", "fp6_e3m2", "e8m0", 32),
    _block("mxfp6_e2m3", "fp6_e2m3", "e8m0", 32),
    _block("mxfp4", "fp4_e2m1", "e8m0", 32),
    replace(_block("mxint8", "int8", "e8m0", 32), mantissa_bits=6),  # elements are multiples of 2^-6
    _block("nvfp4", "fp4_e2m1", "fp8_e4m3", 16),
)

_BY_NAME = {f.name: f for f in FORMATS} | {
    "mxfp8": FORMATS[0],
    "mxfp6": FORMATS[2],
}


def parse(name: str) -> Format | None:
    """Read a listed name, mxfp8 (e4m3) or mxfp6 (e3m2); None if it is none of them."""
    return _BY_NAME.get(name)
