"""What the vision families are written with: a tensor's shape, and a network that grows op by op."""

from dataclasses import dataclass, replace

from costmodel.record import changed
from costmodel.workload import Op, Window, Workload
from costmodel.workload import ops as make
from costmodel.workload.ops.conv import output_size


@dataclass(frozen=True)
class Tensor:
    """A value between ops: the name of the op that made it (empty: the network's input) and its shape.

    A sequence of tokens has them along its height.
    """

    source: str
    batch: int
    channels: int
    height: int = 1
    width: int = 1

    @property
    def elements(self) -> int:
        """Number of values."""
        return self.batch * self.channels * self.height * self.width

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width


class Network:
    """The ops of a network in execution order: every method appends one and returns the tensor that it makes."""

    def __init__(self, name: str, *, batch: int, resolution: int) -> None:
        """Start from an RGB image of `resolution` pixels a side; ValueError where either number is below 1."""
        if batch < 1 or resolution < 1:
            raise ValueError(f"batch and resolution must be at least 1, got {batch=}, {resolution=}")
        self.name = name
        self.input = Tensor("", batch, 3, resolution, resolution)
        self._ops: list[Op] = []

    def workload(self) -> Workload:
        """Return what was built; the last op's result leaves the network."""
        batch, height, width = self.input.batch, *self.input.size
        covers = f"{batch} image{'s' * (batch > 1)} of {height} x {width} pixels"
        return Workload(self.name, tuple(self._ops), batch=batch, covers=covers)

    def append(self, op: Op, shape: Tensor, *reads: Tensor) -> Tensor:
        """Append an op that reads the given tensors, and return its result, of that shape."""
        self._ops.append(changed(op, inputs=tuple(tensor.source for tensor in reads if tensor.source)))
        return changed(shape, source=op.name)

    def conv(
        self, name: str, x: Tensor, channels: int, kernel: int, *, stride: int = 1, padding: int | None = None,
        groups: int = 1, bias: bool = False,
    ) -> Tensor:  # fmt: skip
        """Square convolution, padded by half its kernel unless told otherwise."""
        padding = kernel // 2 if padding is None else padding
        op = make.conv(
            name, x.batch, x.channels, channels, input_size=x.size, kernel=(kernel, kernel), stride=(stride, stride),
            padding=(padding, padding), groups=groups, bias=bias,
        )  # fmt: skip
        height, width = (output_size(size, kernel, stride, padding) for size in x.size)
        return self.append(op, Tensor("", x.batch, channels, height, width), x)

    def linear(self, name: str, x: Tensor, features: int, *, bias: bool = True) -> Tensor:
        """Fully connected layer on every position."""
        op = make.linear(name, x.batch * x.height * x.width, x.channels, features, bias=bias)
        return self.append(op, replace(x, channels=features), x)

    def norm(self, name: str, x: Tensor, style: str = "batch") -> Tensor:
        """Norm with a scale and a shift a channel."""
        return self.append(make.norm(name, x.elements, x.channels, style=style), x, x)

    def activation(self, name: str, x: Tensor, function: str) -> Tensor:
        """Pointwise nonlinearity."""
        return self.append(make.activation(name, x.elements, function=function), x, x)

    def max_pool(self, name: str, x: Tensor, kernel: int, *, stride: int, padding: int = 0) -> Tensor:
        """Square maximum pooling."""
        height, width = (output_size(size, kernel, stride, padding) for size in x.size)
        shape = replace(x, height=height, width=width)
        window = Window(kernel, kernel, stride, stride, *x.size, 1, 1, *[padding] * 4)
        return self.append(make.pooling(name, x.elements, shape.elements, window=window), shape, x)

    def average_pool(self, name: str, x: Tensor, size: int = 1) -> Tensor:
        """Adaptive average pooling to `size` positions a side, one by default."""
        shape = replace(x, height=size, width=size)
        return self.append(make.pooling(name, x.elements, shape.elements), shape, x)

    def add(self, name: str, x: Tensor, y: Tensor) -> Tensor:
        """Sum of two tensors of one shape."""
        return self.append(make.elementwise(name, x.elements), x, x, y)

    def gate(self, name: str, x: Tensor, factors: Tensor) -> Tensor:
        """Product of a tensor with one factor a channel."""
        op = replace(make.elementwise(name, x.elements, product=True), input_elements=x.elements + factors.elements)
        return self.append(op, x, x, factors)
