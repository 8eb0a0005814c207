"""Layers that stand for one layer at as many products, larger and sparser: pieces of sparse iso-FLOP transformations.

Thangarasa et al., Sparse-IFT, arXiv 2303.11525, section 2.2; whole numbers as in CerebrasResearch/Sparse-IFT,
ComputerVision/CIFAR/models/cifar_resnet18.py.
"""

from dataclasses import replace
from math import ceil

from costmodel.workload import Op
from costmodel.workload.op import Window
from costmodel.workload.ops import activation, elementwise, linear


def thinned(op: Op, sparsity: float) -> Op:
    """The op with 1 - sparsity of its weights."""
    return replace(op, weight_density=1 - sparsity)


def inner_width(op: Op, sparsity: float) -> int:
    """Channels between the two layers of a factorization: ceil(n k / ((1 - s)(n + k)))."""
    width: float = op.n * op.k / ((1 - sparsity) * (op.n + op.k))
    return ceil(width)


def doped_rank(op: Op, sparsity: float) -> int:
    """Rank of the dense part beside a sparse layer: floor(s n k / (n + k)), at least one."""
    return max(1, int(sparsity * op.n * op.k / (op.n + op.k)))


def parallel(op: Op, sparsity: float, branches: int) -> list[Op]:
    """So many sparse copies, an activation after each, summed; the last op's result stands for the layer's."""
    several = replace(
        thinned(op, sparsity),
        b=op.b * branches,
        weight_elements=op.weight_elements * branches,
        vector_elements=op.vector_elements * branches,
        output_elements=op.output_elements * branches,
    )
    active = activation(f"{op.name}.branches", several.output_elements, function="relu", inputs=(op.name,))
    total = elementwise(f"{op.name}.sum", op.output_elements, operands=branches, flops=branches - 1,
                        inputs=(active.name,))  # fmt: skip
    return [several, active, total]


def factorized(op: Op, sparsity: float) -> list[Op]:
    """Two sparse layers with an activation between."""
    first, second = _factors(op, inner_width(op, sparsity))
    active = activation(f"{op.name}.between", first.output_elements, function="relu", inputs=(op.name,))
    return [thinned(first, sparsity), active, thinned(replace(second, inputs=(active.name,)), sparsity)]


def doped(op: Op, sparsity: float) -> list[Op]:
    """The sparse layer and a dense one of low rank beside it, summed."""
    first, second = _factors(op, doped_rank(op, sparsity))
    first = replace(first, name=f"{op.name}.low_rank", vector_elements=0)
    second = replace(second, inputs=(first.name,), vector_elements=0)
    total = elementwise(f"{op.name}.sum", op.output_elements, inputs=(op.name, second.name))
    return [thinned(op, sparsity), first, second, total]


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
    return Window(input_height=int(op.window.output_height), input_width=int(op.window.output_width))


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
