"""What an ONNX node says: attributes, and the name of the layer that it is."""

import re
from typing import Any

from costmodel.importers._layer_name import layer_name

SCOPES = "pkg.torch.onnx.name_scopes"
FIELDS = {1: "f", 2: "i", 3: "s", 6: "floats", 7: "ints", 8: "strings"}
"""AttributeProto's fields by the AttributeType of what they hold."""
QUANTISED = re.compile(r"(_quantized|(_DQ)?_Q\d+)$")
"""What ONNX Runtime's quantizers append to a weight's name."""
FUSED = re.compile(r"^fused |/MatMulAddFusion\w*$")
"""What ONNX Runtime's optimiser puts before and behind the name of a product that it joins with its neighbours."""
AT_LEAST_1 = ("strides", "dilations", "kernel_shape", "hidden_size")


def attributes(node: Any) -> dict[str, Any]:
    """Numbers, strings and lists of them among the node's attributes."""
    held = {a.name: getattr(a, FIELDS[a.type]) for a in node.attribute if a.type in FIELDS}
    return {name: _text(value) for name, value in held.items()}


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, int | float | str) else [_text(part) for part in value]


def require_positive(node: Any) -> None:
    """ValueError names the node, the attribute and its value where a stride, dilation or size is not positive."""
    for name, value in attributes(node).items():
        values = value if isinstance(value, list) else [value]
        if name in AT_LEAST_1 and not all(isinstance(v, int) and v >= 1 for v in values):
            raise ValueError(f"{name} of {told(node)} must be at least 1, got {value}")


def module(node: Any) -> str | None:
    """The torch module that a node comes from, "" for the network itself, None where the file does not say.

    torch.onnx leaves it in the node's metadata, or in names such as /layer1/layer1.0/conv1/Conv.
    """
    scopes = next((p.value for p in node.metadata_props if p.key == SCOPES), "")
    if scopes:
        return next(iter(re.findall(r"'([^']*)'", scopes)[-2:-1]), "")
    name = FUSED.sub("", node.name)
    if not name.startswith("/"):
        return None
    path = ""
    for part in name.split("/")[1:-1]:
        path = _within(path, part)
    return path


def _within(path: str, part: str) -> str:
    """The module that a part of a name says is in another.

    A part is the module's last name and the numbers after it, so that one of a container repeats the container's:
    torch.onnx, _internal/torchscript_exporter/utils.py, _setup_trace_module_map.
    """
    last = part.split(".")
    for n in range(len(last) - 1, 0, -1):
        if f".{path}".endswith(f".{'.'.join(last[:n])}"):
            return ".".join((path, *last[n:]))
    return f"{path}.{part}" if path else part


def name(node: Any, weight: str, *, is_layer: bool) -> str:
    """The name of an op: its layer's where it has a weight or is a norm, else module.operator, else the node's own.

    A weight called a.b.weight is of layer a.b; one that an exporter renamed leaves the layer to the node's module.
    """
    weight = QUANTISED.sub("", weight)
    if is_layer and weight.endswith("weight") and "." in weight:
        return clean(layer_name(weight))
    owner = module(node)
    if owner is not None:
        own = node.op_type.lower()
        return clean(owner if is_layer and owner else f"{owner}.{own}" if owner else own)
    return clean(node.name or next(iter(node.output), "") or node.op_type)


def operator(node: Any) -> str:
    """The operator with its domain, if that is not ONNX's own."""
    return clean(f"{node.domain}.{node.op_type}" if node.domain else node.op_type)


def told(node: Any) -> str:
    """The node in an error: its operator, and its name or that of its first result."""
    return f"{operator(node)} {clean(node.name or next(iter(node.output), ''))!r}"


def clean(text: str) -> str:
    """A name on one line and of a length that a table shows."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200] or "unnamed"
