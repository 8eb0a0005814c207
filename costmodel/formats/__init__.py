"""Number formats: one family a file, one format a line or a name rule."""

from costmodel.formats.format import Format
from costmodel.formats.grid import largest, smallest_normal, smallest_subnormal, values
from costmodel.formats.lookup import get, names
from costmodel.formats.rounding import cast
from costmodel.formats.scaling import quantize

__all__ = [
    "Format", "cast", "get", "largest", "names", "quantize", "smallest_normal", "smallest_subnormal", "values",
]  # fmt: skip
