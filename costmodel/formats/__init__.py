"""Number formats: one family a file, one format a line or a name rule."""

from costmodel.formats.format import Format
from costmodel.formats.lookup import get, names
from costmodel.formats.rounding import quantize

__all__ = ["Format", "get", "names", "quantize"]
