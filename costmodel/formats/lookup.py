"""Find a format by name across the family files of this folder."""

from functools import cache

from costmodel.catalog import UnknownNameError
from costmodel.formats import codebook, integer, microscaling, minifloat
from costmodel.formats.format import Format

_FAMILIES = (integer, minifloat, microscaling, codebook)

_ALIASES = {
    "bfloat16": "bf16",
    "float16": "fp16",
    "float32": "fp32",
    "float8_e4m3fn": "fp8_e4m3",
    "float8_e5m2": "fp8_e5m2",
    "fp8": "fp8_e4m3",
    "fp4": "fp4_e2m1",
}  # names of torch dtypes, and the layout that inference engines mean by fp8

EXAMPLES = "int8, uint4, int4_g128, fp8_e4m3, e3m2, mxfp4, nvfp4, nf4 or bf16"
"""One of each rule and family, for messages."""


@cache
def get(name: str) -> Format:
    """Return the format of that name, in any case; UnknownNameError lists near names."""
    key = str(name).strip().lower()
    for family in _FAMILIES:
        found: Format | None = family.parse(_ALIASES.get(key, key))
        if found is not None:
            return found
    expected = f"a format is like {EXAMPLES}; bitfront formats lists them"
    raise UnknownNameError("format", str(name), names(), expected=expected)


def resolve(fmt: Format | str) -> Format:
    """Return the format itself, or the one of that name."""
    return fmt if isinstance(fmt, Format) else get(fmt)


def names() -> list[str]:
    """The names of the listed formats; rules such as e{E}m{M} and int4_g{N} allow more."""
    return [f.name for family in _FAMILIES for f in family.FORMATS]
