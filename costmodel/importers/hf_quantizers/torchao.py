"""torchao's configurations with one `quant_type` of all linear layers (torchao.quantization, quant_api.py).

Older files name the type and its arguments, newer ones spell the configuration's class and fields.
"""

import re
from collections.abc import Mapping
from typing import Any

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_quantizers import _schemes

FP8 = "fp8_e4m3"
TYPES: Mapping[str, tuple[str, str, int | None]] = {
    "Int8WeightOnly": ("int8", "", None), "Int8DynamicActivationInt8Weight": ("int8", "int8", None),
    "Float8WeightOnly": (FP8, "", None), "Float8DynamicActivationFloat8Weight": (FP8, FP8, None),
    "Int4WeightOnly": ("int4", "", 128), "Float8DynamicActivationInt4Weight": ("int4", FP8, 128),
    "Int8DynamicActivationInt4Weight": ("int4", "int8", 32),
}  # fmt: skip
"""Weights, activations ("" for wide ones) and group size, None for a scale a row."""
SHIFTED = "Int4WeightOnly"
ZERO_POINT_BITS = 16
DTYPES = ("weight_dtype", "activation_dtype")


def read(config: ConfigFields, wide: str) -> _schemes.Found:
    """Weights and activations by the type."""
    if config.flag("include_input_output_embeddings", False):
        raise _schemes.unread(config, "include_input_output_embeddings")
    name, arguments = _type(config)
    if name not in TYPES:
        raise _schemes.NotReadError(f"quant_type={name}")
    weight, activation, size = TYPES[name]
    if any(
        _dtype(arguments.values.get(key)) not in ("", "float8_e4m3fn") for key in ("weight_dtype", "activation_dtype")
    ):
        raise _schemes.unread(arguments, "weight_dtype", "activation_dtype")
    told = _schemes.group(arguments, size)
    fmt = f"{weight}_g{told}" if told else weight
    left = _schemes.zero_points(ZERO_POINT_BITS) if name == SHIFTED else ()
    return _schemes.weights(config, wide, fmt, activation), left


def _type(config: ConfigFields) -> tuple[str, ConfigFields]:
    """The type as newer files name its class, without "Config", and its fields."""
    if isinstance(config.value("quant_type"), str):
        name = "".join(word.capitalize() for word in config.text("quant_type").split("_"))
        return name, config.part("quant_type_kwargs", optional=True)
    own = config.part("quant_type")
    if set(own.values) != {"default"}:
        raise _schemes.unread(config, "quant_type")
    own = own.part("default")
    return re.sub("Config$", "", own.text("_type")), own.part("_data", optional=True)


def _dtype(spelled: Any) -> str:
    """The name of a dtype as torchao writes it, "" where it is not told."""
    name = spelled.get("_data") if isinstance(spelled, dict) else spelled
    return str(name or "").removeprefix("torch.")
