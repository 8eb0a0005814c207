"""EETQ: weights of 8 bits with a scale a row."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_quantizers import _schemes


def read(config: ConfigFields, wide: str) -> _schemes.Found:
    """int8 weights."""
    fmt = config.choice("weights", {"int8": "int8"}, "int8")
    return _schemes.weights(config, wide, fmt), ()
