"""Find a format by name across the family files of this folder."""

from functools import cache

from costmodel.catalog import UnknownNameError
from costmodel.formats import codebook, integer, microscaling, minifloat
from costmodel.formats.format import Format

_FAMILIES = (integer, minifloat, microscaling, codebook)


@cache
def get(name: str) -> Format:
    """Return the format of that name; UnknownNameError lists near names."""
    for family in _FAMILIES:
        found = family.parse(name)
        if found is not None:
            return found
    raise UnknownNameError("format", name, names())


def names() -> list[str]:
    """The names of the listed formats; rules such as e{E}m{M} and int4_g{N} allow more."""
    return [f.name for family in _FAMILIES for f in family.FORMATS]
