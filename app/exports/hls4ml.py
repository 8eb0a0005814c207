"""hls4ml: the hls_config of convert_from_pytorch_model, as YAML, with a fixed-point type for every tensor.

Read it with `yaml.safe_load(file)` and pass it on: `convert_from_pytorch_model(module, hls_config=...)` of
`hls4ml.converters`. The schema is that of hls4ml 1.3.0, `utils/config.py` (config_from_pytorch_model) and
`model/graph.py`; layers are named as torch.fx names them. hls4ml has fixed point alone: in the place of our scales a
tensor has a power of two, the least at which its largest value over calibration data (its largest weight) fits the
plan's width. A tensor has one type, so layers that read the same one must agree, and what else reads it sees it rounded
too. Tensors that the plan says nothing of have WIDTH bits, sums as many as they need. It needs the torch model and
calibration data.
"""

import math
from typing import Any

from app.exports import _header, _yaml
from app.exports._entries import entries
from app.exports._formats import is_integer
from app.exports._plan import Chosen, Layer
from app.exports._refusal import UnexpressibleError, unknown
from app.exports._source import Source
from costmodel.formats import Format, get, largest

TOOL = "hls4ml 1.3.0"
WIDTH = 16
"""Bits of a tensor that the plan says nothing of, and of biases: those of hls4ml's own default, fixed<16,6>."""
MODEL = {
    "Precision": {"default": f"ap_fixed<{WIDTH},6>"},
    "ReuseFactor": 1,
    "Strategy": "Latency",
    "ChannelsLastConversion": "full",
    "TransposeOutputs": False,
}
"""What config_from_pytorch_model gives where nothing is asked for."""


def render(chosen: Chosen, source: Source) -> str:
    """Return the file's content; ValueError where the model is no torch model that torch.fx can trace."""
    entries(chosen, "hls4ml", _require_integers)
    network = source.network("hls4ml")
    from app.exports._traced import Traced

    traced = Traced(network)
    wide = get(f"int{WIDTH}")
    types = {node: {"result": fixed_point(wide, seen.low, seen.high)} for node, seen in traced.ranges.items()}
    for node, fmt in _formats_read(chosen, traced).items():
        types[node]["result"] = fixed_point(fmt, traced.ranges[node].low, traced.ranges[node].high)
    for node, numbers in traced.norms.items():
        types[node] |= {key: fixed_point(wide, seen.low, seen.high) for key, seen in numbers.items()}
    for layer in chosen.layers:
        types[traced.node(layer.name)] |= _stored(layer, traced.part(layer.name))
    config = {
        "Model": MODEL,
        "InputShape": [list(part.shape[1:]) for part in network.inputs],
        "LayerName": {node: {"Precision": precision} for node, precision in types.items()},
    }
    return _header.comment(chosen, TOOL) + _yaml.dump(config)


def fixed_point(fmt: Format, low: float, high: float) -> str:
    """The finest fixed-point type of an integer format's width that holds the range: ap_fixed<8,3,AP_RND_CONV,AP_SAT>.

    Unsigned where nothing is negative. Integer bits, the sign's included, may be negative or above the width.
    """
    signed = low < 0
    codes = largest(get(f"{'int' if signed else 'uint'}{fmt.bits}"))
    fraction, power = math.frexp(max(abs(low), abs(high)) / codes)
    integer = fmt.bits + power - (fraction == 0.5) if fraction else 1
    return f"ap_{'' if signed else 'u'}fixed<{fmt.bits},{integer},AP_RND_CONV,AP_SAT>"


def _require_integers(layer: Layer) -> None:
    for role, fmt in (("weight", layer.precision.weight), ("activation", layer.precision.activation)):
        if not is_integer(fmt):
            raise unknown(role, fmt, "fixed point alone, which integers without groups become")
    if layer.kind == "embedding":
        raise UnexpressibleError("a lookup has no fixed-point input")


def _formats_read(chosen: Chosen, traced: Any) -> dict[str, Format]:
    """The format of each tensor that layers of the plan read; ValueError where two of them differ."""
    found: dict[str, tuple[Layer, Format]] = {}
    for layer in chosen.layers:
        for node in traced.read(layer.name):
            other, fmt = found.setdefault(node, (layer, layer.precision.activation))
            if fmt != layer.precision.activation:
                raise ValueError(
                    f"hls4ml cannot express layer {layer.name!r} in {layer.spelled}: it reads the same tensor as "
                    f"{other.name!r}, in {other.spelled}, and a tensor has one type"
                )
    return {node: fmt for node, (_, fmt) in found.items()}


def _stored(layer: Layer, part: Any) -> dict[str, str]:
    """The types of a layer's weight, bias and sums; ValueError where hls4ml has no such layer."""
    if getattr(part, "groups", 1) != 1 or getattr(part, "padding_mode", "zeros") != "zeros":
        raise ValueError(
            f"hls4ml cannot express layer {layer.name!r}: it has no grouped or non-zero-padded convolutions"
        )
    found = {"weight": _type_of(layer.precision.weight, part.weight), "accum": "auto"}
    return found if part.bias is None else found | {"bias": _type_of(get(f"int{WIDTH}"), part.bias)}


def _type_of(fmt: Format, tensor: Any) -> str:
    low, high = tensor.detach().aminmax()
    return fixed_point(fmt, min(float(low), -float(high)), float(high))
