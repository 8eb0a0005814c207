"""optimum-quanto: int8 and fp8 with a scale a row, int4 and int2 in groups of 128."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_quantizers import _schemes

WEIGHTS = {"int8": "int8", "float8": "fp8_e4m3", "int4": "int4_g128", "int2": "int2_g128"}
ACTIVATIONS = {"int8": "int8", "float8": "fp8_e4m3", "none": ""}
SHIFT_BITS = 16


def read(config: ConfigFields, wide: str) -> _schemes.Found:
    """`weights`, and `activations` where they are quantised; groups have shifts as wide as their scales."""
    fmt = config.choice("weights", WEIGHTS, "int8")
    activation = config.choice("activations", ACTIVATIONS, "none")
    left = _schemes.zero_points(SHIFT_BITS) if "_g" in fmt else ()
    return _schemes.weights(config, wide, fmt, activation), left
