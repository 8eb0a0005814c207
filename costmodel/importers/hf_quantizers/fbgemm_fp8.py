"""FBGEMM's products of 8-bit floats, with a scale a row of weights and a token, as of Llama 3.1 405B FP8."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_quantizers import _schemes


def read(config: ConfigFields, wide: str) -> _schemes.Found:
    """fp8_e4m3 on both sides."""
    return _schemes.weights(config, wide, "fp8_e4m3", "fp8_e4m3"), ()
