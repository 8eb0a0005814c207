"""Build library calls in PyTorch, as networks make them in inference: each on operands of its own.

Every builder takes a torch dtype, a device and how many copies of the weights to make, of which each piece of work has
one: weights are cold in a network as large as the copies together, activations warm."""

from functools import partial
from math import prod
from typing import Any

from profilers.operations.call import Build
from profilers.timing import Work


def linear(tokens: int, width: int, out: int) -> Build:
    """A linear layer with bias; in int8 torch quantises the activation in the call."""

    def made(dtype: Any, device: str, copies: int) -> list[Work]:
        import torch

        if dtype is torch.int8:
            return _int8_linear(tokens, width, out, device, copies)
        x, bias = random((tokens, width), dtype, device), random((out,), dtype, device)
        weights = random((copies, out, width), dtype, device)
        return [partial(torch.nn.functional.linear, x, w, bias) for w in weights]

    return made


def _int8_linear(tokens: int, width: int, out: int, device: str, copies: int) -> list[Work]:
    import torch

    x, bias = (random(shape, torch.float32, device) for shape in ((tokens, width), (out,)))
    weights = torch.randint(-127, 128, (copies, out, width), dtype=torch.int8, device=device)

    def run(weight: Any) -> Any:
        scale = x.abs().amax(dim=1, keepdim=True) / 127.0
        product = torch._int_mm((x / scale).round_().to(torch.int8), weight)
        return torch.addcmul(bias, product, scale)

    return [partial(run, w.t()) for w in weights]


def conv(batch: int, depth: int, out: int, plane: int, kernel: int, stride: int, pad: int, *, groups: int) -> Build:
    """A square convolution without bias."""

    def made(dtype: Any, device: str, copies: int) -> list[Work]:
        import torch

        x = random((batch, depth, plane, plane), dtype, device)
        weights = random((copies, out, depth // groups, kernel, kernel), dtype, device)
        return [partial(torch.nn.functional.conv2d, x, w, None, stride, pad, 1, groups) for w in weights]

    return made


def attention(batch: int, tokens: int, heads: int, head_dim: int) -> Build:
    """Attention of every token to all, from one projection's queries, keys and values to rows of tokens."""

    def made(dtype: Any, device: str, _copies: int) -> list[Work]:
        import torch

        joined = random((batch, tokens, 3, heads, head_dim), dtype, device)

        def run() -> Any:
            q, k, v = joined.permute(2, 0, 3, 1, 4).unbind(0)
            found = torch.nn.functional.scaled_dot_product_attention(q, k, v)
            return found.transpose(1, 2).reshape(batch, tokens, heads * head_dim)

        return [run]

    return made


def batch_norm(batch: int, depth: int, plane: int) -> Build:
    """Batch norm at inference."""

    def made(dtype: Any, device: str, _copies: int) -> list[Work]:
        import torch

        x = random((batch, depth, plane, plane), dtype, device)
        mean, variance, scale, shift = (random((depth,), dtype, device).abs() + 0.5 for _ in range(4))
        return [lambda: torch.nn.functional.batch_norm(x, mean, variance, scale, shift)]

    return made


def layer_norm(rows: int, width: int) -> Build:
    """Layer norm over rows."""

    def made(dtype: Any, device: str, _copies: int) -> list[Work]:
        import torch

        x, scale, shift = (random(shape, dtype, device) for shape in ((rows, width), (width,), (width,)))
        return [lambda: torch.nn.functional.layer_norm(x, (width,), scale, shift)]

    return made


def activation(count: int, function: str) -> Build:
    """A pointwise nonlinearity: relu in place, as convolutional networks have it, others not."""

    def made(dtype: Any, device: str, _copies: int) -> list[Work]:
        import torch

        x = random((count,), dtype, device)
        if function == "relu":
            return [lambda: torch.relu_(x)]
        apply = getattr(torch.nn.functional, function)
        return [lambda: apply(x)]

    return made


def add(count: int) -> Build:
    """A residual sum."""

    def made(dtype: Any, device: str, _copies: int) -> list[Work]:
        x, y = (random((count,), dtype, device) for _ in range(2))
        return [lambda: x + y]

    return made


def mean_pool(batch: int, depth: int, plane: int) -> Build:
    """Global average pooling."""

    def made(dtype: Any, device: str, _copies: int) -> list[Work]:
        import torch

        x = random((batch, depth, plane, plane), dtype, device)
        return [lambda: torch.nn.functional.adaptive_avg_pool2d(x, 1)]

    return made


def max_pool(batch: int, depth: int, plane: int) -> Build:
    """Maximum of 3 x 3, stride 2."""

    def made(dtype: Any, device: str, _copies: int) -> list[Work]:
        import torch

        x = random((batch, depth, plane, plane), dtype, device)
        return [lambda: torch.nn.functional.max_pool2d(x, 3, 2, 1)]

    return made


def softmax(rows: int, width: int) -> Build:
    """Softmax over rows."""

    def made(dtype: Any, device: str, _copies: int) -> list[Work]:
        import torch

        x = random((rows, width), dtype, device)
        return [lambda: torch.softmax(x, -1)]

    return made


def embedding(tokens: int, entries: int, width: int) -> Build:
    """A lookup of random rows."""

    def made(dtype: Any, device: str, copies: int) -> list[Work]:
        import torch

        table = random((entries, width), dtype, device)
        places = torch.randint(entries, (copies, tokens), device=device)
        return [partial(torch.nn.functional.embedding, index, table) for index in places]

    return made


BLOCK = 2**16
"""Random values that are made; larger operands repeat them, since drawing gigabytes takes longer than measuring."""


def random(shape: tuple[int, ...], dtype: Any, device: str) -> Any:
    """Normal values of a shape, a block of which repeats."""
    import torch

    count = prod(shape)
    block = torch.randn(min(count, BLOCK), dtype=torch.float32, device=device).to(dtype)
    return block.repeat(-(-count // len(block)))[:count].reshape(shape)
