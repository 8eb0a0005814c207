"""Turn layers into what a target says of them, or refuse the plan: nothing is dropped."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.exports._formats import stays
from app.exports._plan import Chosen, Layer
from app.exports._refusal import UnexpressibleError
from costmodel.precision import precision

MODULES = ("", "linear", "conv", "embedding")
"""Kinds of layers that are one module with one weight matrix; routed experts are many modules, or none."""


def entries(
    chosen: Chosen, tool: str, entry: Callable[[Layer], Any], *, cache: bool = False, sparse: bool = False
) -> dict[str, Any]:
    """Return {layer: entry(layer)}; ValueError names the first layer that the tool cannot express, and why.

    `cache` and `sparse` say that the entry looks at KV caches of their own format, and at N:M sparsity.
    """

    def told(layer: Layer) -> Any:
        _require_usual(layer, cache, sparse)
        return entry(layer)

    found: dict[str, Any] = {}
    for layer in chosen.layers:
        try:
            found[layer.name] = told(layer)
        except UnexpressibleError as error:
            shared = f", whose weights are those of {layer.shares!r}" if layer.shares else ""
            why = f"{tool} cannot express layer {layer.name!r} in {layer.spelled}{shared}: {error}"
            raise ValueError(why + _instead(chosen, layer, told)) from None
    return found


def _instead(chosen: Chosen, layer: Layer, told: Callable[[Layer], Any]) -> str:
    """What to pin so that the tool takes the layer: a format of the plan's, or bf16; "" where it takes neither."""
    for spelled in dict.fromkeys([*(other.spelled for other in chosen.layers), "bf16/bf16"]):
        formats, _, kept = spelled.partition("@")
        try:
            told(replace(layer, spelled=spelled, precision=precision(formats), kept=kept))
        except UnexpressibleError:
            continue
        pin = f"{layer.shares or layer.name}={spelled}"
        return f"; {spelled} it can: solve with it among the formats and --pin '{pin}' (a page's Pinned layers)"
    return ""


def _require_usual(layer: Layer, cache: bool, sparse: bool) -> None:
    if layer.kind not in MODULES and not stays(layer):
        raise UnexpressibleError(f"{layer.kind} is no single module with a weight matrix")
    if layer.kept and not sparse:
        raise UnexpressibleError(f"it has no {layer.kept} sparsity")
    weight, activation, kv_cache = layer.precision.weight, layer.precision.activation, layer.precision.kv_cache
    if not cache and kv_cache != precision(f"{weight.name}/{activation.name}").kv_cache:
        raise UnexpressibleError(f"it sets no format of KV caches a layer, and {kv_cache.name} is asked for")


def require_groups(layer: Layer, group_size: int) -> None:
    """Refuse groups that do not fill the layer's rows, where its shape is known: tools would leave such a layer out."""
    if layer.k and layer.kind != "conv" and layer.k % group_size:
        raise UnexpressibleError(f"its rows of {layer.k} weights do not divide into groups of {group_size}")


def require_kind(layer: Layer, *kinds: str) -> None:
    """Refuse a layer known to be of another kind."""
    if layer.kind and layer.kind not in kinds:
        raise UnexpressibleError(f"that is for {' and '.join(kinds)} layers, and it is {layer.kind}")
