"""llm-compressor: a recipe with a QuantizationModifier, as YAML.

Read it with `oneshot(model=..., recipe=path)`. The schema is that of llm-compressor 0.14.0.1 (`recipe/recipe.py`,
`modifiers/quantization/quantization/mixin.py`) and of the compressed-tensors 0.19.0 that it pins (0.20.0 reads it too):
QuantizationScheme and QuantizationArgs in `quantization/quant_scheme.py`, `quant_args.py` describe a group of layers,
and their presets spell the formats. Int and fp8 activations have a scale a token at each call, MX ones a scale a block.
Names are regular expressions, escaped; what stays as it is is under `ignore`. With GPTQModifier in place of the
modifier's name and the same arguments, GPTQ chooses the weights. N:M sparsity is a SparseGPTModifier before it
(`modifiers/pruning/sparsegpt`), whose mask counts the weights that go.
"""

import json
import re
from typing import Any

from app.exports import _header, _yaml
from app.exports._entries import entries, require_groups, require_kind
from app.exports._formats import is_grouped_integer, is_integer, is_wide
from app.exports._plan import Chosen, Layer
from app.exports._refusal import unknown
from app.exports._source import Source
from costmodel.formats import Format

TOOL = "llm-compressor 0.14.0.1"
E8M0, E4M3 = "torch.uint8", "torch.float8_e4m3fn"
BLOCKS = {
    "mxfp8_e4m3": ("group", E8M0),
    "mxfp6_e2m3": ("group", E8M0),
    "mxfp4": ("group", E8M0),
    "nvfp4": ("tensor_group", E4M3),
}
"""Strategy and type of the scales of a block format."""
ACTIVATIONS = {"fp8_e4m3": "float", "int8": "int", "int4": "int"}


def render(chosen: Chosen, source: Source) -> str:  # noqa: ARG001 names and formats are all it needs
    """Return the file's content."""
    found = entries(chosen, "llm-compressor", _scheme, cache=True, sparse=True)
    targets: dict[str, list[str]] = {}
    for name, scheme in found.items():
        targets.setdefault(json.dumps(scheme), []).append(_pattern(name))
    kept = targets.pop("null", [])
    groups = {f"group_{i}": {"targets": names} | json.loads(s) for i, (s, names) in enumerate(targets.items())}
    modifier = {"config_groups": groups, "ignore": kept} | _cache(chosen)
    stage = _pruning(chosen) | {"quantization_modifiers": {"QuantizationModifier": modifier}}
    return _header.comment(chosen, TOOL) + _yaml.dump({"compression_stage": stage})


def _pattern(name: str) -> str:
    return f"re:^{re.escape(name)}$"


def _pruning(chosen: Chosen) -> dict[str, Any]:
    """A modifier for each N:M structure; the N of its mask counts the weights that go."""
    targets: dict[str, list[str]] = {}
    for layer in chosen.layers:
        targets.setdefault(layer.kept, []).append(_pattern(layer.name))
    targets.pop("", None)
    stages = {}
    for i, (kept, names) in enumerate(targets.items()):
        n, m = (int(part) for part in kept.split(":"))
        mask = {"sparsity": 1 - n / m, "mask_structure": f"{m - n}:{m}", "targets": names}
        stages[f"pruning_{i}_modifiers"] = {"SparseGPTModifier": mask}
    return stages


def _scheme(layer: Layer) -> dict[str, Any] | None:
    weight, activation = layer.precision.weight, layer.precision.activation
    if layer.kept:
        require_kind(layer, "linear")
    if is_wide(weight) and is_wide(activation):
        return None
    if is_wide(weight):
        raise unknown("weight", weight, f"with {activation.name} activations a narrower one")
    if is_wide(activation):
        require_kind(layer, "linear", "embedding")
        return {"weights": _weights(layer, weight)}
    require_kind(layer, "linear")
    return {"weights": _weights(layer, weight), "input_activations": _inputs(activation)}


def _weights(layer: Layer, fmt: Format) -> dict[str, Any]:
    if fmt.scale:
        require_groups(layer, fmt.group_size)
    if fmt.name in BLOCKS:
        return _args(fmt, "float") | _blocks(fmt) | {"dynamic": False}
    if is_grouped_integer(fmt) and fmt.bits <= 8:
        return _args(fmt, "int") | {"strategy": "group", "group_size": fmt.group_size, "dynamic": False}
    if is_integer(fmt) and fmt.bits <= 8:
        return _args(fmt, "int") | {"strategy": "channel", "dynamic": False}
    if fmt.name == "fp8_e4m3":
        return _args(fmt, "float") | {"strategy": "channel", "dynamic": False}
    raise unknown("weight", fmt, f"integers of 2 to 8 bits, fp8_e4m3, {', '.join(BLOCKS)}")


def _inputs(fmt: Format) -> dict[str, Any]:
    if fmt.name == "nvfp4":
        return _args(fmt, "float") | _blocks(fmt) | {"dynamic": "local", "observer": "static_minmax"}
    if fmt.name in ("mxfp8_e4m3", "mxfp4"):
        return _args(fmt, "float") | _blocks(fmt) | {"dynamic": True}
    if fmt.name in ACTIVATIONS:
        return _args(fmt, ACTIVATIONS[fmt.name]) | {"strategy": "token", "dynamic": True}
    raise unknown("activation", fmt, f"{', '.join(ACTIVATIONS)}, mxfp8_e4m3, mxfp4 and nvfp4")


def _args(fmt: Format, kind: str) -> dict[str, Any]:
    return {"num_bits": fmt.bits, "type": kind, "symmetric": True}


def _blocks(fmt: Format) -> dict[str, Any]:
    strategy, scale = BLOCKS[fmt.name]
    return {"strategy": strategy, "group_size": fmt.group_size, "scale_dtype": scale, "zp_dtype": scale}


def _cache(chosen: Chosen) -> dict[str, Any]:
    """The scheme of the KV cache: one for the model, so that all layers must agree."""
    asked = {layer.precision.kv_cache.name: layer for layer in chosen.layers}
    if all(is_wide(layer.precision.kv_cache) for layer in asked.values()):
        return {}
    odd = next((layer for name, layer in asked.items() if name != "fp8_e4m3" or len(asked) > 1), None)
    if odd:
        raise ValueError(
            f"llm-compressor cannot express layer {odd.name!r} in {odd.spelled}: it has one KV cache for all layers, "
            "in fp8_e4m3 or 16-bit floats"
        )
    args = {"num_bits": 8, "type": "float", "symmetric": True, "strategy": "tensor", "dynamic": False}
    return {"kv_cache_scheme": args}
