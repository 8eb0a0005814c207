"""The formats of compressed-tensors' schemes, which ModelOpt's files have too."""

from collections.abc import Mapping
from typing import Any

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_quantizers import _schemes

FLOATS: Mapping[tuple[Any, Any], str] = {(4, 16): "nvfp4", (4, 32): "mxfp4", (8, 32): "mxfp8_e4m3"}
"""Floats in groups by their bits and group size."""
SCHEME = ("num_bits", "type", "strategy", "group_size", "block_structure")
"""What decides the format."""
BLOCK = [128, 128]
MOST_BITS = 64


def tensor(scheme: ConfigFields) -> str:
    """The format of a scheme: one scale a tensor, channel, token or group."""
    bits, size = scheme.count("num_bits", high=MOST_BITS), scheme.value("group_size")
    strategy, kind = scheme.value("strategy"), scheme.value("type", "int")
    grouped = strategy in ("group", "tensor_group")
    if kind == "float" and grouped and (bits, size) in FLOATS:
        return FLOATS[bits, size]
    if strategy == "block" and scheme.value("block_structure") != BLOCK:
        raise _schemes.unread(scheme, *SCHEME)
    if strategy not in ("tensor", "channel", "token", "block") and not (grouped and kind == "int"):
        raise _schemes.unread(scheme, *SCHEME)
    if kind == "float" and bits == 8:
        return "fp8_e4m3"
    if kind != "int" or not 2 <= bits <= 8:
        raise _schemes.unread(scheme, *SCHEME)
    return _schemes.grouped(scheme, _schemes.group(scheme, None) if grouped else None, bits="num_bits")
