"""torchao: the JSON of an FqnToConfig, one config a module.

Read it with `torchao.core.config.config_from_dict(json.load(file))` and pass it to `quantize_(module, config,
filter_fn=None)`. The schema is that of torchao 0.18.0: `core/config.py` (ConfigJSONEncoder, config_from_dict), the
configs of `quantization/quant_api.py`, and for MX and NVFP4 `prototype/mx_formats/inference_workflow.py`.

Scales are torchao's: a row's or a group's of symmetric weights; activations have a scale a token at each call (a
block's in MX and NVFP4), with a zero point beside int8 weights narrower than they are. IntxWeightOnlyConfig is the
plan's integer format on every device; torchao stores it a byte a weight until a backend packs it. A layer that stays as
it is has null. Its kernels for fp8, MX and NVFP4 activations need weights in bf16 and a recent GPU.
"""

import json
from typing import Any

from app.exports import _header
from app.exports._entries import entries, require_groups, require_kind
from app.exports._formats import is_grouped_integer, is_integer, is_wide, stays
from app.exports._plan import Chosen, Layer
from app.exports._refusal import UnexpressibleError, unknown
from app.exports._source import Source
from costmodel.formats import Format

TOOL = "torchao 0.18.0"
FLOATS = {"fp8_e4m3": "float8_e4m3fn", "fp8_e5m2": "float8_e5m2"}
MX = {"mxfp8_e4m3": "float8_e4m3fn", "mxfp4": "float4_e2m1fn_x2"}
ROWS = {"_type": "PerRow", "_version": 1, "_data": {"dim": -1}}
MULTIPLE = 16
"""quantize_ leaves a layer out whose rows or columns fp8 and NVFP4 kernels cannot take: not multiples of 16."""


def render(chosen: Chosen, source: Source) -> str:  # noqa: ARG001 names and formats are all it needs
    """Return the file's content."""
    configs = entries(chosen, "torchao", _config)
    body = {"_type": "FqnToConfig", "_version": 1, "_data": {"fqn_to_config": configs}}
    return json.dumps({"bitfront": _header.fields(chosen, TOOL)} | body, indent=1) + "\n"


def _config(layer: Layer) -> Any:
    weight, activation = layer.precision.weight, layer.precision.activation
    if stays(layer):
        return None
    if is_wide(activation):
        return _weight_only(layer, weight)
    require_kind(layer, "linear")
    if is_integer(activation):
        return _integers(layer, weight, activation)
    if weight.name == activation.name:
        return _floats(layer, weight)
    raise unknown("weight", weight, f"with {activation.name} activations the same format alone")


def _weight_only(layer: Layer, weight: Format) -> Any:
    if is_integer(weight) or is_grouped_integer(weight):
        if weight.bits > 8:
            raise unknown("weight", weight, "integers of 1 to 8 bits")
        require_kind(layer, "linear", "embedding")
        if weight.bits == 8:
            rows = _rows(layer, weight) if weight.scale else ROWS
            return _typed("Int8WeightOnlyConfig", 2, granularity=rows)
        dtype = _dtype(f"int{weight.bits}")
        return _typed("IntxWeightOnlyConfig", 2, weight_dtype=dtype, granularity=_rows(layer, weight))
    if weight.name in FLOATS:
        require_kind(layer, "linear", "embedding")
        return _typed("Float8WeightOnlyConfig", 2, weight_dtype=_dtype(FLOATS[weight.name]))
    require_kind(layer, "linear")
    if weight.name == "nvfp4":
        _require_multiples(layer)
        return _typed("NVFP4WeightOnlyConfig", 1)
    raise unknown("weight", weight, f"integers of 1 to 8 bits, {', '.join(FLOATS)} and nvfp4")


def _integers(layer: Layer, weight: Format, activation: Format) -> Any:
    if activation.bits != 8:
        raise unknown("activation", activation, "int8")
    if is_integer(weight) and weight.bits == 8:
        return _typed("Int8DynamicActivationInt8WeightConfig", 2, granularity=ROWS)
    if (is_integer(weight) or is_grouped_integer(weight)) and weight.bits <= 8:
        return _typed(
            "Int8DynamicActivationIntxWeightConfig",
            2,
            weight_dtype=_dtype(f"int{weight.bits}"),
            weight_granularity=_rows(layer, weight),
        )
    raise unknown("weight", weight, "integers of 1 to 8 bits with int8 activations")


def _floats(layer: Layer, weight: Format) -> Any:
    _require_multiples(layer)
    if weight.name == "fp8_e4m3":
        return _typed("Float8DynamicActivationFloat8WeightConfig", 2, granularity=[ROWS, ROWS])
    if weight.name in MX:
        require_groups(layer, weight.group_size)
        dtype = _dtype(MX[weight.name])
        return _typed("MXDynamicActivationMXWeightConfig", 1, activation_dtype=dtype, weight_dtype=dtype)
    if weight.name == "nvfp4":
        return _typed("NVFP4DynamicActivationNVFP4WeightConfig", 1)
    raise unknown("activation", weight, f"fp8_e4m3, {', '.join(MX)} and nvfp4")


def _rows(layer: Layer, weight: Format) -> Any:
    if not weight.scale:
        return _typed("PerAxis", 1, axis=0)
    require_groups(layer, weight.group_size)
    return _typed("PerGroup", 1, group_size=weight.group_size)


def _require_multiples(layer: Layer) -> None:
    if layer.k % MULTIPLE or layer.n % MULTIPLE:
        sizes = f"only for sizes that are multiples of {MULTIPLE}, which {layer.n} x {layer.k} are not"
        raise UnexpressibleError(f"it has {layer.precision.weight.name} {sizes}")


def _typed(name: str, version: int, **fields: Any) -> dict[str, Any]:
    return {"_type": name, "_version": version, "_data": fields}


def _dtype(name: str) -> dict[str, str]:
    return {"_type": "torch.dtype", "_data": name}
