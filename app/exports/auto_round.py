"""AutoRound: the `layer_config` of AutoRound(model, layer_config=...).

The schema is that of AutoRound 0.16.1: QuantizationScheme in `auto_round/schemes.py` has the keys and the presets
(W4A16, INT8, FP8_STATIC, MXFP4, NVFP4) whose spellings of data types are used here; `compressors/
layer_config_resolver.py` takes a layer's full name as it is. Linear layers alone are quantised. group_size -1 is a row
and 0 a tensor; int activations have a scale a token at each call, fp8 ones a calibrated scale a tensor. Linear layers
that the plan does not name take the scheme that AutoRound is called with.
"""

import json
from typing import Any

from app.exports import _header
from app.exports._entries import entries, require_groups, require_kind
from app.exports._formats import group_of, is_grouped_integer, is_integer, is_wide, stays
from app.exports._plan import Chosen, Layer
from app.exports._refusal import unknown
from app.exports._source import Source
from costmodel.formats import Format

TOOL = "AutoRound 0.16.1"
BLOCKS = {
    "mxfp8_e4m3": "mx_fp", "mxfp6_e3m2": "mx_fp", "mxfp4": "mx_fp", "mxint8": "mx_int", "nvfp4": "nv_fp"
}  # fmt: skip
KEPT = {"bits": 16, "act_bits": 16, "data_type": "float", "act_data_type": "float"}


def render(chosen: Chosen, source: Source) -> str:  # noqa: ARG001 names and formats are all it needs
    """Return the file's content."""
    layers = entries(chosen, "AutoRound", _scheme)
    return json.dumps({"bitfront": _header.fields(chosen, TOOL), "layer_config": layers}, indent=1) + "\n"


def _scheme(layer: Layer) -> dict[str, Any]:
    weight, activation = layer.precision.weight, layer.precision.activation
    if stays(layer):
        return KEPT
    require_kind(layer, "linear")
    if weight.scale:
        require_groups(layer, weight.group_size)
    return _weight(weight) | _activation(activation)


def _weight(weight: Format) -> dict[str, Any]:
    if (is_integer(weight) or is_grouped_integer(weight)) and weight.bits <= 8:
        kind = "int"
    elif weight.name == "fp8_e4m3":
        kind = "fp"
    elif weight.name in BLOCKS:
        kind = BLOCKS[weight.name]
    else:
        raise unknown("weight", weight, f"integers of 2 to 8 bits, fp8_e4m3, {', '.join(BLOCKS)}")
    return {"bits": weight.bits, "group_size": group_of(weight, -1), "sym": True, "data_type": kind}


def _activation(activation: Format) -> dict[str, Any]:
    if is_wide(activation):
        return {"act_bits": 16, "act_data_type": "float"}
    if is_integer(activation) and activation.bits in (4, 8):
        kind, group_size, dynamic = "int", -1, True
    elif activation.name == "fp8_e4m3":
        kind, group_size, dynamic = "fp", 0, False
    elif activation.name == "nvfp4":
        kind, group_size, dynamic = "nv_fp4_with_static_gs", activation.group_size, True
    elif activation.name in BLOCKS:
        kind, group_size, dynamic = BLOCKS[activation.name], activation.group_size, True
    else:
        raise unknown("activation", activation, f"int4, int8, fp8_e4m3, {', '.join(BLOCKS)} and 16-bit floats")
    return {
        "act_bits": activation.bits,
        "act_group_size": group_size,
        "act_sym": True,
        "act_data_type": kind,
        "act_dynamic": dynamic,
    }
