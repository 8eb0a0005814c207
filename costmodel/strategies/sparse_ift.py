"""Sparse iso-FLOP transformations: a layer made larger and sparser by one number, so that its products stay as many.

Thangarasa et al., Sparse-IFT, arXiv 2303.11525, section 2.2; whole numbers of channels, ranks and branches as in
CerebrasResearch/Sparse-IFT, ComputerVision/CIFAR/main.py and models/cifar_resnet18.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil, sqrt

from costmodel import zoo
from costmodel.claim import Claim
from costmodel.strategies._channels import INPUT, Channels, is_maker
from costmodel.strategies._graph import named, renamed, spelled_out
from costmodel.workload import Op, Workload
from costmodel.workload.op import Window
from costmodel.workload.ops import activation, conv, elementwise, linear

KINDS = ("wide", "parallel", "factorized", "doped")


@dataclass(frozen=True)
class SparseIft:
    """Replace layers by sparse ones of as many products, at `sparsity` s.

    wide        channels grow by int(`base` sqrt(k)) / `base`, k = round(1 / (1 - s)); of the layers in between 1 - s
                of the weights stay, of those that one side alone of grows as many as there were
    parallel    k sparse branches of the layer, an activation after each, summed
    factorized  two sparse layers in a row with an activation between
    doped       the sparse layer plus a dense one of low rank
    Which layers: those that a glob of `layers` matches, neither reading the input nor making an output; channels that
    attention or an embedding fixes do not grow. s = 0 changes nothing. ValueError for a kind not of KINDS, s outside
    [0, 1), a training pass (transform first), and a base below 1.
    """

    sparsity: float
    kind: str = "wide"
    layers: tuple[str, ...] = ("*",)
    base: int = 64

    def __post_init__(self) -> None:
        if not 0 <= self.sparsity < 1:
            raise ValueError(f"sparsity must be in [0, 1), got {self.sparsity}")
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.base < 1:
            raise ValueError(f"base must be at least 1, got {self.base}")

    @property
    def factor(self) -> int:
        """Branches, and the square of the widening: round(1 / (1 - s))."""
        return round(1 / (1 - self.sparsity))

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload with its layers replaced."""
        if self.sparsity == 0:
            return workload
        if workload.phase == "training":
            raise ValueError(f"layers are replaced before the training pass is made, got that of {workload.name}")
        channels = Channels(replace(workload, ops=spelled_out(workload.ops)))
        if self.kind == "wide":
            return self._widened(channels)
        made = {
            op.name: REPLACED[self.kind](op, self)
            for i, op in enumerate(channels.ops)
            if self._takes(op) and not self._is_end(channels, i)
        }
        return _inserted(channels.workload, made)

    def _takes(self, op: Op) -> bool:
        return is_maker(op) and op.b == 1 and op.weight_density == 1 and named(op, self.layers)

    def _widened(self, channels: Channels) -> Workload:
        wide = int(self.base * sqrt(self.factor))
        grown = {
            group: max(1, before * wide // self.base)
            for group, before in channels.size.items()
            if group not in channels.fixed and any(map(self._takes, channels.makers(group)))
        }
        left = {}
        for i, op in enumerate(channels.ops):
            sides = (channels.group(i) in grown) + (channels.read(i) in grown)
            if sides and self._takes(op) and not self._is_end(channels, i):
                left[op.name] = 1 - self.sparsity if sides == 2 else self.base / wide
        dense = channels.resized(grown)
        return dense.map(lambda op: replace(op, weight_density=left[op.name]), lambda op: op.name in left)

    def _is_end(self, channels: Channels, i: int) -> bool:
        """Whether an op reads the network's input or makes one of its outputs."""
        ends = channels.workload.outputs or (channels.ops[-1].name,)
        return channels.read(i) == channels.group(INPUT) or channels.ops[i].name in ends

    def sparse(self, op: Op) -> Op:
        """The op with 1 - s of its weights."""
        return replace(op, weight_density=1 - self.sparsity)


def inner_width(op: Op, sparsity: float) -> int:
    """Channels between the two layers of a factorization: ceil(n k / ((1 - s)(n + k)))."""
    width: float = op.n * op.k / ((1 - sparsity) * (op.n + op.k))
    return ceil(width)


def doped_rank(op: Op, sparsity: float) -> int:
    """Rank of the dense part beside a sparse layer: floor(s n k / (n + k)), at least one."""
    return max(1, int(sparsity * op.n * op.k / (op.n + op.k)))


def _parallel(op: Op, how: SparseIft) -> list[Op]:
    branches = how.factor
    several = replace(
        how.sparse(op),
        b=op.b * branches,
        weight_elements=op.weight_elements * branches,
        vector_elements=op.vector_elements * branches,
        output_elements=op.output_elements * branches,
    )
    active = activation(f"{op.name}.branches", several.output_elements, function="relu", inputs=(op.name,))
    total = elementwise(f"{op.name}.sum", op.output_elements, operands=branches, flops=branches - 1,
                        inputs=(active.name,))  # fmt: skip
    return [several, active, total]


def _factorized(op: Op, how: SparseIft) -> list[Op]:
    first, second = _factors(op, inner_width(op, how.sparsity))
    active = activation(f"{op.name}.between", first.output_elements, function="relu", inputs=(op.name,))
    return [how.sparse(first), active, how.sparse(replace(second, inputs=(active.name,)))]


def _doped(op: Op, how: SparseIft) -> list[Op]:
    first, second = _factors(op, doped_rank(op, how.sparsity))
    first = replace(first, name=f"{op.name}.low_rank", vector_elements=0)
    second = replace(second, inputs=(first.name,), vector_elements=0)
    total = elementwise(f"{op.name}.sum", op.output_elements, inputs=(op.name, second.name))
    return [how.sparse(op), first, second, total]


REPLACED: Mapping[str, Callable[[Op, SparseIft], list[Op]]] = {
    "parallel": _parallel,
    "factorized": _factorized,
    "doped": _doped,
}
"""The ops in an op's stead; the last one's result is read by what read the op."""


def _factors(op: Op, inner: int) -> tuple[Op, Op]:
    """The op to `inner` channels, and a pointwise layer from there to its outputs."""
    first = replace(
        op,
        n=inner,
        weight_elements=op.k * inner,
        vector_elements=0,
        output_elements=op.output_elements / op.n * inner,
    )
    second = linear(f"{op.name}.out", op.m, inner, op.n, bias=bool(op.vector_elements))
    return first, replace(second, kind=op.kind, count=op.count, window=_pointwise(op))


def _pointwise(op: Op) -> Window:
    if op.kind != "conv":
        return op.window
    made = op.window
    return Window(
        input_height=made.input_height // made.stride_height, input_width=made.input_width // made.stride_width
    )


def _inserted(workload: Workload, made: Mapping[str, list[Op]]) -> Workload:
    names: dict[str, str] = {}
    ops: list[Op] = []
    for op in workload.ops:
        ops += [replace(renamed(one, names), count=op.count) for one in made.get(op.name, [op])]
        if op.name in made:
            names[op.name] = ops[-1].name
    return replace(workload, ops=tuple(ops))


def training_flops(sparse_flops: float, dense_flops: float, *, method: str = "static", delta_t: int = 100,
                   updated: float = 0.8) -> float:  # fmt: skip
    """FLOPs of a mean training step from those of a sparse and of a dense forward.

    Three forwards a step: 3 f_S, "dense" 3 f_D. "rigl" takes a step with dense gradients every `delta_t` steps of the
    first `updated` part, (3 f_S delta_t + 2 f_S + f_D) / (delta_t + 1), then 3 f_S: cbsparse/sparse/utils/
    relative_flops_utils.py, after Evci et al., Rigging the Lottery, arXiv 1911.11134, appendix H.
    """
    if method not in ("dense", "static", "rigl"):
        raise ValueError(f"method must be dense, static or rigl, got {method!r}")
    if delta_t < 1 or not 0 <= updated <= 1:
        raise ValueError(f"delta_t must be at least 1 and updated in [0, 1], got {delta_t=}, {updated=}")
    if method != "rigl":
        return 3.0 * (dense_flops if method == "dense" else sparse_flops)
    searching = (3.0 * sparse_flops * delta_t + 2.0 * sparse_flops + dense_flops) / (delta_t + 1)
    return updated * searching + (1 - updated) * 3.0 * sparse_flops


def _middle(width: int, sparsity: float, kind: str, layer: str) -> float:
    """Output channels of a layer that stands for the middle one of three 3 x 3 convolutions."""
    convs = tuple(conv(name, 1, width, width, input_size=(8, 8), kernel=(3, 3), padding=(1, 1)) for name in "abc")
    return float(SparseIft(sparsity, kind)(Workload("three convolutions", convs)).op(layer).n)


def _resnet18(sparsity: float, kind: str) -> Workload:
    return SparseIft(sparsity, kind)(zoo.build("resnet18"))


def _products(net: Workload) -> float:
    return float(sum(op.macs for op in net.ops))


_MAIN = "CerebrasResearch/Sparse-IFT, ComputerVision/CIFAR/main.py and models/cifar_resnet18.py"
_EVALUATED = f"{_MAIN}, evaluated"
_ABSTRACT = "Thangarasa et al., Sparse-IFT, arXiv 2303.11525, abstract"


def _of_sparsity(s: float, width: int, branches: int, ratio: float) -> tuple[Claim, ...]:
    return (
        Claim("Sparse-IFT", f"width-{s}", f"channels of a widened stem of 64 at s = {s}", _MAIN, "analytic", width,
              lambda: _resnet18(s, "wide").op("conv1").n, rtol=0.0),
        Claim("Sparse-IFT", f"branches-{s}", f"branches of a layer at s = {s}", _MAIN, "analytic", branches,
              lambda: _resnet18(s, "parallel").op("layer1.0.conv1").b, rtol=0.0),
        Claim("Sparse-IFT", f"resnet18-wide-{s}", f"FLOPs of a widened ResNet-18 over the dense one at s = {s}, stem "
              "and classifier dense", _EVALUATED, "analytic", ratio,
              lambda: _products(_resnet18(s, "wide")) / _products(zoo.build("resnet18")), rtol=5e-4),
    )  # fmt: skip


def _of_width(width: int, s: float, planes: int, rank: int) -> tuple[Claim, ...]:
    what = f"a 3 x 3 convolution {width} -> {width} at s = {s}"
    return (
        Claim("Sparse-IFT", f"planes-{width}-{s}", f"inner channels of the factorized {what}", _EVALUATED, "analytic",
              planes, lambda: _middle(width, s, "factorized", "b"), rtol=0.0),
        Claim("Sparse-IFT", f"rank-{width}-{s}", f"rank beside {what}", _EVALUATED, "analytic", rank,
              lambda: _middle(width, s, "doped", "b.low_rank"), rtol=0.0),
    )  # fmt: skip


CLAIMS = (
    *_of_sparsity(0.5, 90, 2, 1.016),
    *_of_sparsity(0.75, 128, 4, 1.065),
    *_of_sparsity(0.9, 202, 10, 1.137),
    *_of_width(64, 0.5, 116, 28),
    *_of_width(64, 0.75, 231, 43),
    *_of_width(64, 0.9, 577, 51),
    *_of_width(256, 0.75, 922, 172),
    *_of_width(512, 0.9, 4609, 414),
    Claim("Sparse-IFT", "resnet34-budget", "FLOPs of a forward of ResNet-34 on 224 x 224",
          "CerebrasResearch/Sparse-IFT, ImageNet/configs/resnet34/sparseift/sparsewide_rigl.yaml", "analytic",
          7355270501, lambda: 2 * _products(zoo.build("resnet34")), rtol=0.005),
    Claim("Sparse-IFT", "resnet18-gain", "gain of accuracy of ResNet-18 on ImageNet, points", _ABSTRACT, "training",
          3.5),
)  # fmt: skip

EXAMPLES = tuple(SparseIft(0.75, kind) for kind in KINDS)
IDENTITIES = tuple(SparseIft(0.0, kind) for kind in KINDS)
