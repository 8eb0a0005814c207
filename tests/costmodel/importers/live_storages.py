"""What torch holds at once during a training step: an oracle for live activations."""

import weakref
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode


class Live(TorchDispatchMode):
    """Bytes of the floating-point storages alive while it is entered, but those of a module's own tensors."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.held: dict[int, int] = {}
        self.own = {t.untyped_storage()._cdata for t in (*module.parameters(), *module.buffers())}
        self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = func(*args, **(kwargs or {}))
        for tensor in (t for t in tree_leaves(results) if isinstance(t, Tensor) and t.is_floating_point()):
            storage = tensor.untyped_storage()
            if storage._cdata not in self.own | self.held.keys():
                self.held[storage._cdata] = storage.nbytes()
                weakref.finalize(storage, self.held.pop, storage._cdata)
        self.peak = max(self.peak, sum(self.held.values()))
        return results


def step(module: nn.Module, *inputs: Tensor) -> tuple[int, int]:
    """FLOPs of forward and backward as torch counts them, and the most bytes alive beside inputs and parameters.

    A gradient by a parameter is freed when it is whole.
    """
    parameters = [p for p in module.parameters() if p.requires_grad]
    hooks = [p.register_post_accumulate_grad_hook(lambda p: setattr(p, "grad", None)) for p in parameters]
    with Live(module) as live:
        module(*inputs).sum().backward()
    for hook in hooks:
        hook.remove()
    with FlopCounterMode(display=False) as counter:
        module(*inputs).sum().backward()
    return int(counter.get_total_flops()), live.peak
