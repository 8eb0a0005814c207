"""Sparse iso-FLOP transformations: a layer made larger and sparser by one number, so that its products stay as many.

Thangarasa et al., Sparse-IFT, arXiv 2303.11525, section 2.2; whole numbers of channels, ranks and branches as in
CerebrasResearch/Sparse-IFT, ComputerVision/CIFAR/main.py and models/cifar_resnet18.py. That code rounds 1 / (1 - s),
as branches are whole, for widths too: so that these have as many products at any s, they are not rounded here unless
`whole` asks for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt

from costmodel import zoo
from costmodel.claim import Claim
from costmodel.strategies._channels import INPUT, ROUTED, Channels, is_maker
from costmodel.strategies._graph import named, renamed, spelled_out
from costmodel.strategies._iso_flop import doped, factorized, parallel
from costmodel.strategies._iso_flop import training_flops as of_a_step
from costmodel.strategies._layers import require_dense, require_matches
from costmodel.strategies._shown import Shown
from costmodel.strategies._tokens import also_covers
from costmodel.workload import Op, Workload
from costmodel.workload.ops import conv

KINDS = ("wide", "parallel", "factorized", "doped")

PLACES = 9
"""Decimals of 1 / (1 - s) that are not rounding errors: 100 at s = 0.99."""


@dataclass(frozen=True)
class SparseIft(Shown):
    """Replace layers by sparse ones of as many products, at `sparsity` s.

    wide        channels grow by int(`base` sqrt(k)) / `base`, k = 1 / (1 - s), rounded if `whole`, as the authors' code
                has it: products are not as many then where k is no whole number; of the layers in between 1 - s of the
                weights stay, of those that one side alone of grows as many as there were
    parallel    round(k) sparse branches of the layer, an activation after each, summed
    factorized  two sparse layers in a row with an activation between
    doped       the sparse layer plus a dense one of low rank
    Which layers: those that a glob of `layers` matches, neither reading the input nor making an output; channels that
    attention or an embedding fixes do not grow. Products are as many as whole channels and branches allow, and as dense
    ends grow: `covers` says how many. s = 0 changes nothing. ValueError for a kind not of KINDS, s outside
    [0, 1), a training pass (transform first), and a base below 1.
    """

    sparsity: float
    kind: str = "wide"
    layers: tuple[str, ...] = ("*",)
    base: int = 64
    whole: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.sparsity < 1:
            raise ValueError(f"sparsity must be in [0, 1), got {self.sparsity}")
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.base < 1:
            raise ValueError(f"base must be at least 1, got {self.base}")

    @property
    def factor(self) -> float:
        """The square of the widening, as many branches rounded: 1 / (1 - s)."""
        exact = round(1 / (1 - self.sparsity), PLACES)
        return round(exact) if self.whole else exact

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload with its layers replaced."""
        if self.sparsity == 0:
            return workload
        if workload.phase == "training":
            raise ValueError(f"layers are replaced before the training pass is made, got that of {workload.name}")
        require_matches(workload, self.layers)
        require_dense(workload, self._takes, self.layers)
        channels = Channels(replace(workload, ops=spelled_out(workload.ops)))
        found = self._widened(channels) if self.kind == "wide" else self._inserted(channels)
        told = (
            f"{self.kind} and sparse, {_products(found) / _products(workload):.3g} times the dense network's products"
        )
        return also_covers(found, told)

    def _inserted(self, channels: Channels) -> Workload:
        made = {
            op.name: self._replaced(op)
            for i, op in enumerate(channels.ops)
            if self._takes(op) and not self._is_end(channels, i)
        }
        return _inserted(channels.workload, made)

    def _replaced(self, op: Op) -> list[Op]:
        if self.kind == "parallel":
            return parallel(op, self.sparsity, round(self.factor))
        return factorized(op, self.sparsity) if self.kind == "factorized" else doped(op, self.sparsity)

    def _takes(self, op: Op) -> bool:
        return is_maker(op) and op.kind != ROUTED and op.b == 1 and named(op, self.layers)

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


def _inserted(workload: Workload, made: Mapping[str, list[Op]]) -> Workload:
    names: dict[str, str] = {}
    ops: list[Op] = []
    for op in workload.ops:
        ops += [replace(renamed(one, names), count=op.count) for one in made.get(op.name, [op])]
        if op.name in made:
            names[op.name] = ops[-1].name
    return replace(workload, ops=tuple(ops))


def _middle(width: int, sparsity: float, kind: str, layer: str) -> float:
    """Output channels of a layer that stands for the middle one of three 3 x 3 convolutions."""
    convs = tuple(conv(name, 1, width, width, input_size=(8, 8), kernel=(3, 3), padding=(1, 1)) for name in "abc")
    return float(SparseIft(sparsity, kind)(Workload("three convolutions", convs)).op(layer).n)


def _resnet18(sparsity: float, kind: str) -> Workload:
    return SparseIft(sparsity, kind)(zoo.build("resnet18"))


def training_flops(
    how: SparseIft, workload: Workload, *, method: str = "rigl", delta_t: int = 100, updated: float = 0.8
) -> float:
    """FLOPs of the mean training step of what `how` makes of a forward network: `_iso_flop.training_flops`.

    method "static" keeps the mask, "rigl" takes a dense gradient by weight every `delta_t` steps of the first `updated`
    part, "dense" trains the larger network without zeros. ValueError for another method or numbers out of range.
    """
    made = how(workload)
    dense = made.map(lambda op: replace(op, weight_density=1.0))
    return of_a_step(2 * _products(made), 2 * _products(dense), method=method, delta_t=delta_t, updated=updated)


def _products(net: Workload) -> float:
    return float(sum(op.macs for op in net.ops))


_MAIN = "CerebrasResearch/Sparse-IFT, ComputerVision/CIFAR/main.py and models/cifar_resnet18.py"
_EVALUATED = f"{_MAIN}, evaluated"
_ABSTRACT = "Thangarasa et al., Sparse-IFT, arXiv 2303.11525, abstract"


def _of_sparsity(s: float, width: int, branches: int, ratio: float) -> tuple[Claim, ...]:
    return (
        Claim("Sparse-IFT", f"width-{s}", f"channels of a widened stem of 64 at s = {s}", _MAIN, "analytic", width,
              lambda: _resnet18(s, "wide").op("conv1").n, rtol=0.0, how="evaluated"),
        Claim("Sparse-IFT", f"branches-{s}", f"branches of a layer at s = {s}", _MAIN, "analytic", branches,
              lambda: _resnet18(s, "parallel").op("layer1.0.conv1").b, rtol=0.0, how="evaluated"),
        Claim("Sparse-IFT", f"resnet18-wide-{s}", f"FLOPs of a widened ResNet-18 over the dense one at s = {s}, stem "
              "and classifier dense", _EVALUATED, "analytic", ratio,
              lambda: _products(_resnet18(s, "wide")) / _products(zoo.build("resnet18")), rtol=5e-4,
              how="evaluated"),
    )  # fmt: skip


def _of_width(width: int, s: float, planes: int, rank: int) -> tuple[Claim, ...]:
    what = f"a 3 x 3 convolution {width} -> {width} at s = {s}"
    return (
        Claim("Sparse-IFT", f"planes-{width}-{s}", f"inner channels of the factorized {what}", _EVALUATED, "analytic",
              planes, lambda: _middle(width, s, "factorized", "b"), rtol=0.0, how="evaluated"),
        Claim("Sparse-IFT", f"rank-{width}-{s}", f"rank beside {what}", _EVALUATED, "analytic", rank,
              lambda: _middle(width, s, "doped", "b.low_rank"), rtol=0.0, how="evaluated"),
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
          7355270501, lambda: 2 * _products(zoo.build("resnet34")), rtol=1e-9,
          gap="0.4 % less by the products of convolutions and classifier: what else is counted is not said",
          how="count"),
    Claim("Sparse-IFT", "resnet18-gain", "gain of accuracy of ResNet-18 on ImageNet, points", _ABSTRACT, "training",
          3.5),
)  # fmt: skip

EXAMPLES = tuple(SparseIft(0.75, kind) for kind in KINDS)
IDENTITIES = tuple(SparseIft(0.0, kind) for kind in KINDS)
