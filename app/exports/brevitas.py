"""Brevitas: the bit widths and quantisers of each layer, as keyword arguments of its QuantLinear or QuantConv2d.

Classes are dotted paths to import. Of a trained module, with the written file's path in `file`:

    import importlib, json, pathlib
    import brevitas.nn
    from brevitas import config
    from brevitas.graph.base import ModuleToModuleByInstance

    def imported(value):
        path, _, name = str(value).rpartition(".")
        return getattr(importlib.import_module(path), name) if path else value

    config.IGNORE_MISSING_KEYS = True  # a plain layer has no scale of its inputs
    for name, arguments in json.loads(pathlib.Path(file).read_text())["layers"].items():
        if any(arguments.values()):
            layer = module.get_submodule(name)
            quantised = getattr(brevitas.nn, "Quant" + type(layer).__name__)
            told = {key: imported(value) for key, value in arguments.items()}
            ModuleToModuleByInstance(layer, quantised, **told).apply(module)

then show it data within `brevitas.graph.calibrate.calibration_mode(module)`. The arguments are those of
Brevitas 0.13.4, `brevitas/nn/quant_layer.py`, its quantisers `brevitas/quant/scaled_int.py`, `float_quant_ocp.py` and
`mx_quant_ocp.py`. Integer weights have a scale a channel and lack the lowest code, as here; activations take Brevitas'
own calibrated scale a tensor, unsigned where the plan saw no negative input. A layer that stays as it is has None for
its quantisers.
"""

import json
from typing import Any

from app.exports import _header
from app.exports._entries import entries, require_groups, require_kind
from app.exports._formats import is_wide, kept_input, stays
from app.exports._plan import Chosen, Layer
from app.exports._refusal import unknown
from app.exports._source import Source
from costmodel.formats import Format

TOOL = "Brevitas 0.13.4"
BASE = "brevitas.quant."
WEIGHTS = {"int": "Int8WeightPerChannelFloat", "float": "Fp8e4m3OCPWeightPerChannelFloat", "mx": "MXFloat8e4m3Weight"}
INPUTS = {
    "int": "Int8ActPerTensorFloat",
    "uint": "Uint8ActPerTensorFloat",
    "float": "Fp8e4m3OCPActPerTensorFloat",
    "mx": "MXFloat8e4m3Act",
}
KNOWN = "integers without groups, minifloats and MX minifloats"


def render(chosen: Chosen, source: Source) -> str:  # noqa: ARG001 names and formats are all it needs
    """Return the file's content."""
    layers = entries(chosen, "Brevitas", _arguments)
    return json.dumps({"bitfront": _header.fields(chosen, TOOL), "layers": layers}, indent=1) + "\n"


def _arguments(layer: Layer) -> dict[str, Any]:
    weight = layer.precision.weight
    if not stays(layer):
        require_kind(layer, "linear", "conv")
    if weight.scale:
        require_groups(layer, weight.group_size)
    return _quantiser("weight", weight, WEIGHTS) | _quantiser("input", kept_input(layer), INPUTS)


def _quantiser(operand: str, fmt: Format, classes: dict[str, str]) -> dict[str, Any]:
    if is_wide(fmt):
        return {f"{operand}_quant": None}
    family = _family(fmt)
    if family not in classes:
        raise unknown("activation" if operand == "input" else operand, fmt, KNOWN)
    widths = {"bit_width": fmt.bits}
    if fmt.is_float:
        widths |= {"exponent_bit_width": fmt.exponent_bits, "mantissa_bit_width": fmt.mantissa_bits}
    return {f"{operand}_quant": BASE + classes[family]} | {f"{operand}_{key}": bits for key, bits in widths.items()}


def _family(fmt: Format) -> str:
    """Which of Brevitas' quantisers has the format, "" for none.

    Of 8 bits it has the two OCP minifloats alone; its MXInt8Weight takes half the scale of MXINT8 and cuts off values.
    """
    if fmt.scale == "e8m0" and fmt.is_float:
        return "mx"
    if fmt.encoding == "integer" and not fmt.scale:
        return "int" if fmt.signed else "uint"
    ocp = fmt.name in ("fp8_e4m3", "fp8_e5m2")
    finite = fmt.is_float and fmt.bits < 8 and not fmt.special and fmt.bias == 2 ** (fmt.exponent_bits - 1) - 1
    return "float" if not fmt.scale and (ocp or finite) else ""
