"""Two's-complement and unsigned integers, whole-tensor or with a floating scale for each group."""

import re

from costmodel.formats.format import Format

FORMATS = (
    *(Format(f"int{bits}", bits) for bits in (*range(2, 17), 32)),
    *(Format(f"uint{bits}", bits, signed=False) for bits in (*range(2, 17), 32)),
    *(
        Format(f"int{bits}_g{group}", bits, scale="fp16", scale_bits=16, group_size=group)
        for bits in (4, 8)
        for group in (32, 64, 128)
    ),
)

_BY_NAME = {f.name: f for f in FORMATS}


def parse(name: str) -> Format | None:
    """Read a listed name or int{bits}_g{group_size}, whose groups share an fp16 scale; None if it is neither."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    match = re.fullmatch(r"int([1-9][0-9]?)_g(0|[1-9][0-9]{0,8})", name)
    if not match:
        return None
    bits, group = int(match[1]), int(match[2])
    if not (2 <= bits <= 16 and group >= 1):
        raise ValueError(f"{name!r}: an integer format has 2 to 16 bits and a group of at least 1")
    return Format(name, bits, scale="fp16", scale_bits=16, group_size=group)
