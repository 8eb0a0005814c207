"""ModelOpt: the quant_cfg and algorithm of mtq.quantize, as YAML.

Read it with `modelopt.torch.opt.config_loader.load_config(path)`, where the path ends in .yaml, and pass it to
`mtq.quantize(model, config, forward_loop)`. The schema is that of NVIDIA Model Optimizer 0.47.0: QuantizeConfig in
`modelopt/torch/quantization/config.py`, whose entries are applied in order, the first one turning every quantiser off;
the formats are spelled as in `modelopt_recipes/configs/numerics`. Names are fnmatch patterns, escaped here. Weights
have a scale a row or a group and leave out the lowest code, as ours do; int and fp8 activations have a calibrated scale
a tensor, unsigned where the plan saw no negative input; MX and NVFP4 ones a scale a block at each call.
"""

import glob
from typing import Any

from app.exports import _header, _yaml
from app.exports._entries import entries, require_groups, require_kind
from app.exports._formats import is_grouped_integer, is_integer, is_wide, kept_input
from app.exports._plan import Chosen, Layer
from app.exports._refusal import UnexpressibleError, unknown
from app.exports._source import Source
from costmodel.formats import Format

TOOL = "NVIDIA Model Optimizer 0.47.0"
BLOCKS = {
    "mxfp8_e4m3": ("e4m3", "e8m0"), "mxfp6_e3m2": ("e3m2", "e8m0"), "mxfp4": ("e2m1", "e8m0"), "mxint8": (8, "e8m0"),
    "nvfp4": ("e2m1", "e4m3"),
}  # fmt: skip
KNOWN = f"integers, fp8_e4m3, {', '.join(BLOCKS)}"


def render(chosen: Chosen, source: Source) -> str:  # noqa: ARG001 names and formats are all it needs
    """Return the file's content."""
    found = entries(chosen, "ModelOpt", _quantisers)
    quantisers = {f"{glob.escape(name)}.{part}": cfg for name, parts in found.items() for part, cfg in parts.items()}
    rules = [{"quantizer_name": "*", "enable": False}]
    rules += [{"quantizer_name": name, "cfg": cfg} for name, cfg in quantisers.items()]
    algorithm = "max" if any(_is_calibrated(cfg) for cfg in quantisers.values()) else None
    return _header.comment(chosen, TOOL) + _yaml.dump({"quant_cfg": rules, "algorithm": algorithm})


def _quantisers(layer: Layer) -> dict[str, dict[str, Any]]:
    """The attributes of a layer's quantisers, those that stay off left out."""
    weight = layer.precision.weight
    parts = {"weight_quantizer": weight, "input_quantizer": kept_input(layer)}
    wanted = {part: fmt for part, fmt in parts.items() if not is_wide(fmt)}
    if "input_quantizer" in wanted:
        require_kind(layer, "linear", "conv")
    return {part: _attributes(layer, fmt, part) for part, fmt in wanted.items()}


def _attributes(layer: Layer, fmt: Format, part: str) -> dict[str, Any]:
    is_weight = part == "weight_quantizer"
    scaled = {"axis": 0} if is_weight else {"axis": None}
    if is_integer(fmt):
        return {"num_bits": fmt.bits, "narrow_range": is_weight} | scaled
    if fmt.name.startswith("uint") and not is_weight:
        return {"num_bits": fmt.bits, "unsigned": True} | scaled
    if fmt.name == "fp8_e4m3":
        return {"num_bits": "e4m3"} | scaled
    if fmt.scale and layer.kind == "conv":
        raise UnexpressibleError("its blocks lie along a weight's last axis, which is not channels in a conv")
    if is_grouped_integer(fmt):
        require_groups(layer, fmt.group_size)
        kind = "static" if is_weight else "dynamic"
        return {"num_bits": fmt.bits, "narrow_range": is_weight, "block_sizes": {-1: fmt.group_size, "type": kind}}
    if fmt.name in BLOCKS:
        require_groups(layer, fmt.group_size)
        bits, scale_bits = BLOCKS[fmt.name]
        return {"num_bits": bits, "block_sizes": {-1: fmt.group_size, "type": "dynamic", "scale_bits": scale_bits}}
    raise unknown("weight" if is_weight else "activation", fmt, KNOWN)


def _is_calibrated(attributes: dict[str, Any]) -> bool:
    return bool(attributes.get("block_sizes", {}).get("type") != "dynamic")
