"""Floats of 8 bits with one scale a tensor, or a block of 128 x 128, as of DeepSeek-V3, arXiv 2412.19437, 3.3."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_quantizers import _schemes
from costmodel.workload.checkpoint import Checkpoint

SPELLED = ("e4m3", "float8_e4m3fn")
"""How files call the one format: DeepSeek's, and MiniMax'."""


def read(config: ConfigFields, wide: str) -> _schemes.Found:
    """fp8_e4m3 on both sides."""
    if config.value("fmt", "e4m3") not in SPELLED or config.value("weight_block_size") not in (None, [128, 128]):
        raise _schemes.unread(config, "fmt", "weight_block_size")
    kept = _schemes.left(config) + _schemes.paths(config, "ignored_layers")
    return Checkpoint(_schemes.spelled("fp8_e4m3", wide, "fp8_e4m3"), wide, kept), ()
