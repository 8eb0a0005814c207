"""Cross-layer equalisation: the weight ranges of two layers in a row made alike, channel by channel.

Nagel, van Baalen, Blankevoort, Welling, Data-Free Quantization Through Weight Equalization and Bias Correction,
arXiv 1906.04721, section 4.1: a ReLU lets a positive factor of its channels through, from one layer into the next.
"""

import copy
from typing import TYPE_CHECKING, Any

from dse.compression.chains import chains

if TYPE_CHECKING:
    import torch

ROUNDS = 20
"""Passes over all pairs: a layer in two pairs settles between them (a judgement; most settle in five)."""


def fold_batch_norms(module: "torch.nn.Module") -> "torch.nn.Module":
    """Return a twin in evaluation mode whose batch norms are part of the convolutions or linear layers before them.

    The function stays; a folded batch norm becomes an identity, so that all names stay. ValueError as in `chains`.
    """
    import torch
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

    twin = copy.deepcopy(module).eval()
    names = {part: name for name, part in twin.named_modules()}
    for part, norm in chains(twin, lambda _: False):
        if not isinstance(norm, nn.modules.batchnorm._BatchNorm) or norm.running_mean is None:
            continue
        statistics: tuple[Any, ...] = norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        if isinstance(part, nn.Linear):
            weight, bias = fuse_linear_bn_weights(part.weight, part.bias, *statistics)
        elif isinstance(part, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            weight, bias = fuse_conv_bn_weights(part.weight, part.bias, *statistics)
        else:
            continue
        part.weight, part.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())
        parent, _, child = names[norm].rpartition(".")
        setattr(twin.get_submodule(parent), child, torch.nn.Identity())
    return twin


def equalize(module: "torch.nn.Module") -> "torch.nn.Module":
    """Return a twin in evaluation mode whose consecutive layers have equal ranges in each channel between them.

    Consecutive are convolutions and linear layers with nothing but ReLU or identities between (fold batch norms first);
    the second may be depthwise. The function stays. ValueError as in `chains`.
    """
    from torch import nn

    twin = copy.deepcopy(module).eval()
    pairs = [pair for pair in chains(twin, lambda p: isinstance(p, nn.ReLU | nn.Identity)) if _fits(*pair)]
    for _ in range(ROUNDS):
        for first, second in pairs:
            _balance(first, second)
    return twin


def ranges(first: "torch.nn.Module", second: "torch.nn.Module") -> "tuple[torch.Tensor, torch.Tensor]":
    """The largest magnitudes of each channel's weights, out of the first layer and into the second, float64."""
    ahead, behind = first.get_parameter("weight").detach(), _by_input(second).detach()
    return ahead.double().abs().flatten(1).amax(1), behind.double().abs().flatten(1).amax(1)


def _fits(first: Any, second: Any) -> bool:
    from torch import nn

    kinds = nn.Linear | nn.Conv1d | nn.Conv2d
    if not (isinstance(first, kinds) and isinstance(second, kinds)):
        return False
    return getattr(second, "groups", 1) in (1, len(second.weight)) and len(first.weight) == len(_by_input(second))


def _by_input(part: "torch.nn.Module") -> "torch.Tensor":
    """A view of a weight with input channels first; of a depthwise one, each channel is its own input."""
    weight = part.get_parameter("weight")
    depthwise = getattr(part, "groups", 1) > 1
    return weight if depthwise else weight.transpose(0, 1)


def _balance(first: Any, second: Any) -> None:
    import torch

    ahead, behind = ranges(first, second)
    factor = torch.where((ahead > 0) & (behind > 0), (ahead / behind).sqrt(), 1.0)
    along = factor.reshape(-1, *[1] * (first.weight.ndim - 1))
    first.weight.data = (first.weight.data.double() / along).to(first.weight)
    if first.bias is not None:
        first.bias.data = (first.bias.data.double() / factor).to(first.bias)
    view = _by_input(second).data
    view.copy_((view.double() * factor.reshape(-1, *[1] * (view.ndim - 1))).to(view))
