"""Why a torch module cannot be traced, and what its author can do."""

import copy
from typing import Any

from costmodel.importers.user_callable import first_line

QUANTIZED = ("torch.ao.nn.quantized", "torch.nn.quantized")


def require_traceable(module: Any, name: str) -> None:
    """ValueError where a lazy layer has not seen an input, or layers are of a kind that is never traced."""
    from torch.jit import ScriptModule
    from torch.nn.parameter import is_lazy

    if isinstance(module, ScriptModule):
        raise ValueError(f"{name} is TorchScript: give the Python module that it was made of, or its ONNX file")
    tensors = (*module.named_parameters(), *module.named_buffers())
    lazy = [fqn for fqn, tensor in tensors if is_lazy(tensor)]
    if lazy:
        raise ValueError(f"{lazy[0]} of {name} has no shape yet: run the module once on its example inputs before")
    quantized = [fqn for fqn, part in module.named_modules() if type(part).__module__.startswith(QUANTIZED)]
    if quantized:
        raise ValueError(
            f"layer {quantized[0]} of {name} is converted to quantised kernels, which torch.export does not read: "
            "give the network before its conversion, and formats as --precision"
        )


def uncopied(module: Any, name: str, error: Exception) -> str:
    """One line for a module of which no copy can be made, with the attribute that has none."""
    for path, part in module.named_modules():
        for key, value in vars(part).items():
            if not key.startswith("_") and not _copies(value):
                where = f"{path}.{key}".lstrip(".")
                return f"{name} cannot be copied, as {where} cannot ({first_line(error)}): make that on use, in forward"
    return f"{name} cannot be copied: {first_line(error)}"


def _copies(value: Any) -> bool:
    import torch

    try:
        copy.deepcopy(None if isinstance(value, torch.Tensor) else value)
    except Exception:
        return False
    return True


def untraced(name: str, error: Exception) -> str:
    """One line for an error of torch.export."""
    line = first_line(error)
    advice = "; what it does depends on its data: torch.cond can say so" if "DataDependent" in line else ""
    return f"torch.export cannot trace {name}: {line}{advice}"
