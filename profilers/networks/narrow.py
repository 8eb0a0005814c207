"""Networks with narrow linear layers, run as PyTorch and this project's kernels can: fp8, int8 and packed int4.

Layers whose sides do not fit (sides.py) keep their format. Convolutions do, too: PyTorch has no narrow ones.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from profilers.gpu import weight_only
from profilers.gpu.products import fp8_product
from profilers.networks.sides import fits

LARGEST = 126.0
"""What the largest value becomes in int8: a scale rounded to bf16 could take 127 to 128, which int8 has not."""


class Fp8Linear(nn.Module):
    """Weights in e4m3; the activation is quantised in the call by its largest value."""

    weight: Tensor
    one: Tensor

    def __init__(self, wide: nn.Linear) -> None:
        super().__init__()
        self.bias = wide.bias
        self.register_buffer("weight", wide.weight.detach().to(torch.float8_e4m3fn))
        self.register_buffer("one", torch.ones((), device=wide.weight.device))

    def forward(self, x: Tensor) -> Tensor:
        """x[..., k] to [..., n]."""
        rows = x.reshape(-1, x.shape[-1])
        y = torch.as_tensor(fp8_product(rows, self.weight, self.one, dynamic=True))
        return (y if self.bias is None else y + self.bias).reshape(*x.shape[:-1], -1)


class Int8Linear(nn.Module):
    """Weights in int8; each row of the activation is quantised in the call by its largest value."""

    weight: Tensor
    scale: Tensor

    def __init__(self, wide: nn.Linear) -> None:
        super().__init__()
        self.bias = wide.bias
        scale = wide.weight.detach().abs().amax() / LARGEST
        self.register_buffer("weight", (wide.weight.detach() / scale).round().to(torch.int8))
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor) -> Tensor:
        """x[..., k] to [..., n]; PyTorch's product on a GPU takes more than 16 rows, or RuntimeError."""
        rows = x.reshape(-1, x.shape[-1])
        scale = rows.abs().amax(dim=1, keepdim=True) / LARGEST
        product = torch._int_mm((rows / scale).round_().to(torch.int8), self.weight.t())
        y = product * (scale * self.scale)
        return (y if self.bias is None else y.add_(self.bias)).reshape(*x.shape[:-1], -1)


class Int4Linear(nn.Module):
    """Weights packed in int4 with a scale a group, random ones: time does not depend on their values."""

    def __init__(self, wide: nn.Linear) -> None:
        super().__init__()
        self.bias = wide.bias
        n, k = wide.weight.shape
        (self.packed,) = weight_only.packed("int4", n, k, str(wide.weight.device), 1)

    def forward(self, x: Tensor) -> Tensor:
        """x[..., k] to [..., n]."""
        y = torch.as_tensor(self.packed.multiply(x.reshape(-1, x.shape[-1])))
        return (y if self.bias is None else y + self.bias).reshape(*x.shape[:-1], -1)


LAYERS: dict[str, Callable[[nn.Linear], nn.Module]] = {"fp8": Fp8Linear, "int8": Int8Linear, "int4": Int4Linear}


def narrow(module: nn.Module, fmt: str) -> nn.Module:
    """The module with every linear layer that fits replaced, in place."""
    for name, part in list(module.named_children()):
        if isinstance(part, nn.Linear) and fits(part.out_features, part.in_features):
            setattr(module, name, LAYERS[fmt](part))
        else:
            narrow(part, fmt)
    return module
