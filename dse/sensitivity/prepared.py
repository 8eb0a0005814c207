"""A torch module as its loss can be measured: not wrapped, and each layer owns the weight that it computes with."""

import copy
from typing import Any

from costmodel.importers import _wrappers
from costmodel.importers.user_callable import first_line


def prepared(module: Any) -> Any:
    """Return a module without torch.compile's or DataParallel's wrappers, its layers' weights as evaluation has them.

    What weight norm, spectral norm, pruning and other parametrizations of torch compute at each call becomes the
    layer's weight. The original stays as it is, and is returned where there is nothing to change.
    ValueError where weights have no values (meta device) or the module cannot be copied.
    """
    whole = _wrappers.inner(module)
    for name, tensor in (*whole.named_parameters(), *whole.named_buffers()):
        if tensor.is_meta:
            raise ValueError(f"{name!r} is on the meta device, without values, and a loss is measured with them")
    try:
        twin = copy.deepcopy(whole, _computed(whole)).eval()
    except Exception as error:
        kind = type(whole).__name__
        raise ValueError(f"{kind} cannot be copied, as measuring its loss takes: {first_line(error)}") from None
    changed = [_fix(part) for part in list(twin.modules())]
    wrapped = any(_wrappers.inner(part) is not part for part in twin.modules())
    return _wrappers.bare(twin) if any(changed) or wrapped else whole


def _computed(module: Any) -> dict[int, Any]:
    """Values for the tensors that hooks left in modules, which hang on a graph and cannot be copied."""
    import torch

    left = (value for part in module.modules() for value in vars(part).values() if isinstance(value, torch.Tensor))
    return {id(value): value.detach().clone() for value in left if not value.is_leaf}


def _fix(part: Any) -> bool:
    """Make what is computed at each call of a part its parameter; whether there was such."""
    from torch.nn.utils import parametrize, prune, remove_spectral_norm, remove_weight_norm
    from torch.nn.utils.spectral_norm import SpectralNorm
    from torch.nn.utils.weight_norm import WeightNorm

    found = False
    for hook in list(part._forward_pre_hooks.values()):
        if isinstance(hook, WeightNorm):
            remove_weight_norm(part, hook.name)
        elif isinstance(hook, SpectralNorm):
            remove_spectral_norm(part, hook.name)
        elif isinstance(hook, prune.BasePruningMethod):
            prune.remove(part, hook._tensor_name)
        else:
            continue
        found = True
    if parametrize.is_parametrized(part):
        _bare(part)
        found = True
    return found


def _bare(part: Any) -> None:
    """Put a part's values in place of its parametrizations; torch's removal edits the class, which copies share."""
    from torch import nn

    values = {name: getattr(part, name).detach().clone() for name in part.parametrizations}
    part.__class__ = type(part).__bases__[0]
    del part.parametrizations
    for name, value in values.items():
        part.register_parameter(name, nn.Parameter(value, requires_grad=value.is_floating_point()))
