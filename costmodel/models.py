"""Read a model as the user spells it: zoo:NAME, torch:module:callable, onnx:FILE or hf:FILE.

ops:FILE is a workload that was counted before, as `costmodel.workload.plain` writes it.
"""

import difflib
from collections.abc import Callable
from typing import Any

from costmodel import zoo
from costmodel.workload import Workload
from costmodel.workload.training import training

SCHEMES = ("zoo", "torch", "onnx", "hf", "ops")


def load(spelling: str, *, strict: bool = False, **shape: Any) -> Workload:
    """Return the workload of a model; `shape` may hold batch, resolution, context and phase (None = the model's own),
    and `dims`, the sizes by name of dimensions that an ONNX file leaves open.

    ValueError where an argument does not apply to that kind of model, or with `strict` where something is uncounted.
    """
    scheme, rest = split(spelling)
    given = {key: value for key, value in shape.items() if value not in (None, "")}
    if given.get("batch", 1) < 1:
        raise ValueError(f"batch must be at least 1, got {given['batch']}")
    if scheme != "onnx" and "dims" in given:
        raise ValueError(
            f"an ONNX file alone leaves dimensions open, got sizes of {', '.join(given['dims'])} for {spelling}"
        )
    workload = _LOADERS[scheme](rest, given)
    if strict and workload.uncounted:
        raise ValueError(f"{spelling} has parts that are not counted: {', '.join(workload.uncounted)}")
    return workload


def split(spelling: str) -> tuple[str, str]:
    """Return (scheme, rest); ValueError says how models are spelled."""
    scheme, colon, rest = spelling.partition(":")
    if not colon or scheme not in SCHEMES or not rest:
        schemes = difflib.get_close_matches(scheme.lower(), SCHEMES, n=1) if rest else []
        near = f"{schemes[0]}:{rest}" if schemes else f"zoo:{spelling}" if spelling in zoo.names() else ""
        hint = f"; did you mean {near}?" if near else ""
        raise ValueError(f"model must be zoo:NAME, torch:module:callable, onnx:FILE or hf:FILE, got {spelling!r}{hint}")
    return scheme, rest


def _zoo(name: str, shape: dict[str, Any]) -> Workload:
    return zoo.build(name, **shape)


def _torch(target: str, shape: dict[str, Any]) -> Workload:
    from costmodel.importers import torch_export

    shape, of_phase = phased(shape, "a torch model")
    batch = shape.pop("batch", None)
    if shape:
        raise ValueError(f"a torch model's shape is that of its example inputs; {', '.join(shape)} does not apply")
    loaded = torch_export.load(target)
    return of_phase(torch_export.read(loaded.module, torch_export.batched(loaded.inputs, batch), name=target))


def _onnx(path: str, shape: dict[str, Any]) -> Workload:
    from costmodel.importers import onnx_graph

    shape, of_phase = phased(shape, "an ONNX model")
    extra = [key for key in shape if key not in ("batch", "dims")]
    if extra:
        raise ValueError(f"an ONNX model takes a batch and sizes of open dimensions alone, got {', '.join(extra)}")
    return of_phase(onnx_graph.read(path, batch=shape.get("batch"), shapes=shape.get("dims", {})))


def phased(shape: dict[str, Any], what: str) -> tuple[dict[str, Any], Callable[[Workload], Workload]]:
    """Split the phase off: the pass of a graph as it stands, or of a training step over it."""
    rest = {key: value for key, value in shape.items() if key != "phase"}
    phase = shape.get("phase") or "forward"
    if phase not in ("forward", "training"):
        raise ValueError(f"{what} is one graph: its phase is forward or training, got {phase!r}")
    return rest, training if phase == "training" else lambda workload: workload


def _hf(path: str, shape: dict[str, Any]) -> Workload:
    from costmodel.importers import hf_config
    from costmodel.workload.serving import passes

    if "resolution" in shape:
        raise ValueError(f"a language model takes no resolution, got {shape['resolution']}")
    return passes(hf_config.read(path), **({"batch": 1, "context": None, "phase": ""} | shape))


def _ops(path: str, shape: dict[str, Any]) -> Workload:
    from costmodel.workload import plain

    others = [key for key in shape if key != "phase"]
    if others:
        raise ValueError(f"a counted workload has its shape; {', '.join(others)} does not apply")
    workload = plain.read(path)
    phase = shape.get("phase", workload.phase)
    if phase == "training" and workload.phase == "forward":
        return training(workload)
    if phase != workload.phase:
        also = ", which can be trained alone" if workload.phase == "forward" else ""
        raise ValueError(f"{path} holds a {workload.phase} pass{also}, got phase {phase!r}")
    return workload


_LOADERS: dict[str, Callable[[str, dict[str, Any]], Workload]] = {
    "zoo": _zoo, "torch": _torch, "onnx": _onnx, "hf": _hf, "ops": _ops,
}  # fmt: skip
