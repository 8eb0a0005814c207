"""Recurrent layers and attention of a torch module opened: each matrix a linear layer, to be quantised alone.

torch's LSTM, GRU, RNN and MultiheadAttention hold several matrices and run them in one call, where no hook reaches what
is between them.
The equations are those of torch's documentation of each class.
"""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dse.sensitivity.calls import run, take

if TYPE_CHECKING:
    from torch import nn

    from dse.sensitivity.calls import Inputs

EXAMPLES = 2
"""Examples on which the opened module must equal the original."""


def opened(module: "nn.Module", inputs: "Inputs") -> "nn.Module":
    """Return the module with such layers opened, or itself where it has none or cannot be opened.

    A matrix weight_ih_l0 of a layer `rnn` becomes the module rnn.ih_l0, as torch_export names the op: its input is what
    the step reads. So does in_proj_weight of an attention. A copy in evaluation mode; the original stays as it is.
    Packed sequences, quantised or scripted layers, and whatever gives other outputs on the first of the inputs once
    opened, are left whole.
    """
    import torch

    names = [name for name, part in module.named_modules(remove_duplicate=False) if _holds_several(part)]
    if not names:
        return module
    try:
        twin = _replaced(copy.deepcopy(module).eval(), names)
        first = take(inputs, slice(EXAMPLES))
        with torch.no_grad():
            same = _alike(run(copy.deepcopy(module).eval(), first), run(twin, first))
    except (RuntimeError, TypeError, AttributeError):
        return module
    return twin if same else module


def _replaced(twin: "nn.Module", names: Sequence[str]) -> "nn.Module":
    """The module with those layers replaced by opened ones, one that has two names by one; a few kinds stay whole."""
    made: dict[nn.Module, nn.Module] = {}
    for name in names:
        part = twin.get_submodule(name)
        made[part] = made[part] if part in made else _open(part)
        if not name:
            return made[part]
        twin.set_submodule(name, made[part])
    return twin


def _holds_several(part: "nn.Module") -> bool:
    from torch import nn

    recurrent = (nn.LSTM, nn.GRU, nn.RNN, nn.LSTMCell, nn.GRUCell, nn.RNNCell)
    return type(part) in (*recurrent, nn.MultiheadAttention)


def _open(part: Any) -> "nn.Module":
    from torch import nn

    from dse.sensitivity._unrolled import UnrolledCell, UnrolledLayers
    from dse.sensitivity._unrolled_attention import UnrolledAttention

    if isinstance(part, nn.MultiheadAttention):
        return UnrolledAttention(part) if UnrolledAttention.can_hold(part) else part
    return UnrolledCell(part) if isinstance(part, nn.RNNCellBase) else UnrolledLayers(part)


def _alike(one: Any, other: Any) -> bool:
    import torch
    from torch.utils._pytree import tree_leaves

    pairs = list(zip(tree_leaves(one), tree_leaves(other), strict=False))
    return len(tree_leaves(one)) == len(tree_leaves(other)) and all(
        torch.allclose(a, b, rtol=1e-3, atol=1e-5) if isinstance(a, torch.Tensor) else a == b for a, b in pairs
    )
