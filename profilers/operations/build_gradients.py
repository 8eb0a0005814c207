"""Build library calls as PyTorch's autograd makes them in training, by the functions that it calls itself."""

from functools import partial
from typing import Any

from profilers.operations.build import random
from profilers.operations.call import Build
from profilers.timing import Work

BY_INPUT, BY_WEIGHT = (True, False, False), (False, True, False)
"""What a convolution's backward call is asked for, as PyTorch's output mask says it."""


def conv(
    batch: int, depth: int, out: int, plane: int, kernel: int, stride: int, pad: int, *, groups: int,
    mask: tuple[bool, bool, bool],
) -> Build:  # fmt: skip
    """One gradient of a square convolution without bias."""

    def made(dtype: Any, device: str, copies: int) -> list[Work]:
        import torch

        side = (plane + 2 * pad - kernel) // stride + 1
        x, y = random((batch, depth, plane, plane), dtype, device), random((batch, out, side, side), dtype, device)
        weights = random((copies, out, depth // groups, kernel, kernel), dtype, device)
        run = torch.ops.aten.convolution_backward
        sizes = [stride] * 2, [pad] * 2, [1, 1], False, [0, 0], groups, mask
        return [partial(run, y, x, w, None, *sizes) for w in weights]

    return made


def batch_norm(batch: int, depth: int, plane: int, *, backward: bool) -> Build:
    """Batch norm in training: its statistics and scaling, or both of its gradients."""

    def made(dtype: Any, device: str, _copies: int) -> list[Work]:
        import torch

        x, y = (random((batch, depth, plane, plane), dtype, device) for _ in range(2))
        wide = torch.float32 if device == "cpu" else dtype
        scale, shift, mean, variance = (random((depth,), wide, device).abs() + 0.5 for _ in range(4))
        forward = partial(
            torch.ops.aten._batch_norm_with_update, x, scale, shift, mean, variance, momentum=0.1, eps=1e-5
        )
        if not backward:
            return [forward]
        _, saved, inverse, reserve = forward()
        run = torch.ops.aten.batch_norm_backward
        return [lambda: run(y, x, scale, mean, variance, saved, inverse, True, 1e-5, [True] * 3, reserve)]

    return made


def layer_norm(rows: int, width: int) -> Build:
    """Both gradients of a layer norm."""

    def made(dtype: Any, device: str, _copies: int) -> list[Work]:
        import torch

        x, y = (random((rows, width), dtype, device) for _ in range(2))
        scale, shift = (random((width,), dtype, device) for _ in range(2))
        _, mean, inverse = torch.ops.aten.native_layer_norm(x, (width,), scale, shift, 1e-5)
        run = torch.ops.aten.native_layer_norm_backward
        return [lambda: run(y, x, (width,), mean, inverse, scale, shift, [True] * 3)]

    return made


def activation(count: int, function: str) -> Build:
    """The gradient of a pointwise nonlinearity."""

    def made(dtype: Any, device: str, _copies: int) -> list[Work]:
        import torch

        x, y = (random((count,), dtype, device) for _ in range(2))
        aten = torch.ops.aten
        if function == "relu":
            return [lambda: aten.threshold_backward(y, x, 0)]
        run = {"silu": aten.silu_backward, "gelu": aten.gelu_backward}[function]
        return [lambda: run(y, x)]

    return made


def attention(batch: int, tokens: int, heads: int, head_dim: int) -> Build:
    """The gradients of attention of every token to all, by the kernel that PyTorch takes for the format."""

    def made(dtype: Any, device: str, _copies: int) -> list[Work]:
        import torch

        q, k, v, y = (random((batch, tokens, heads, head_dim), dtype, device).transpose(1, 2) for _ in range(4))
        aten = torch.ops.aten
        if device == "cpu":
            found, log = aten._scaled_dot_product_flash_attention_for_cpu(q, k, v)
            return [
                lambda: aten._scaled_dot_product_flash_attention_for_cpu_backward(y, q, k, v, found, log, 0.0, False)
            ]
        if dtype is torch.float32:
            found, log, seed, offset = aten._scaled_dot_product_efficient_attention(q, k, v, None, True)
            mask = [True, True, True, False]
            run = aten._scaled_dot_product_efficient_attention_backward
            return [lambda: run(y, q, k, v, None, found, log, seed, offset, 0.0, mask)]
        found, log, ends, other, queries, keys, seed, offset, _ = aten._scaled_dot_product_flash_attention(q, k, v)
        run = aten._scaled_dot_product_flash_attention_backward
        return [lambda: run(y, q, k, v, found, log, ends, other, queries, keys, 0.0, False, seed, offset)]

    return made


def max_pool(batch: int, depth: int, plane: int) -> Build:
    """The gradient of a maximum of 3 x 3, stride 2."""

    def made(dtype: Any, device: str, _copies: int) -> list[Work]:
        import torch

        x = random((batch, depth, plane, plane), dtype, device)
        found, places = torch.ops.aten.max_pool2d_with_indices(x, [3, 3], [2, 2], [1, 1])
        run = torch.ops.aten.max_pool2d_with_indices_backward
        return [lambda: run(found, x, [3, 3], [2, 2], [1, 1], [1, 1], False, places)]

    return made
