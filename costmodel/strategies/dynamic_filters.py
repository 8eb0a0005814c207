"""Dynamic filter pruning: a small predictor before each convolution says which of its filters this input needs.

Elkerdawy et al., Fire Together Wire Together, arXiv 2110.08232, section 3; the predictor (global pooling, a pointwise
layer to one number a filter) and what a layer then costs, active filters x active inputs, are those of selkerdawy/FTWT,
utils/layers.py.
"""

from dataclasses import dataclass, replace

from costmodel.claim import Claim
from costmodel.strategies._channels import Channels, is_depthwise, is_maker
from costmodel.strategies._graph import named, spelled_out
from costmodel.strategies._layers import require_matches
from costmodel.strategies._shown import Shown
from costmodel.workload import Op, Workload
from costmodel.workload.ops import linear, pooling


@dataclass(frozen=True)
class DynamicFilters(Shown):
    """Run the fraction `keep` of the filters, in the mean over inputs, of the convolutions that `layers` matches.

    `deviation` is the standard deviation of that fraction over inputs, common to all layers: neighbours make
    keep^2 + deviation^2 of the products. Where a residual sum joins a convolution that is not matched, its readers see
    all channels. Filters stay stored; of a batch each image has its own, so that its products are apart. Activations
    move whole and norms are counted whole. A unit on an FPGA is built for all filters, and runs them. ValueError for a
    fraction outside (0, 1], a deviation that none has, and a training pass; keep = 1 changes nothing.
    """

    keep: float
    layers: tuple[str, ...] = ("*",)
    deviation: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.keep <= 1:
            raise ValueError(f"keep must be in (0, 1], got {self.keep}")
        if not 0 <= self.deviation**2 <= self.keep * (1 - self.keep):
            raise ValueError(
                f"the deviation of a fraction of mean {self.keep} is at most the root of keep (1 - keep), "
                f"got {self.deviation}"
            )

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload with predictors and the expected products."""
        if workload.phase == "training":
            raise ValueError(f"filters are chosen by input at inference, {workload.name} is a training pass")
        if self.keep == 1:
            return workload
        require_matches(workload, self.layers)
        channels = Channels(replace(workload, ops=spelled_out(workload.ops)))
        gated = {i for i, op in enumerate(channels.ops) if self._gates(channels, i, op)}
        groups = {channels.group(i) for i in gated}
        whole = {channels.group(i) for i, op in enumerate(channels.ops) if is_maker(op) and i not in gated}
        ops: list[Op] = []
        for i, op in enumerate(channels.ops):
            made = _predictor(op, workload.batch) if i in gated else []
            ops += [*made, self._run(channels, i, op, i in gated, groups - whole, workload.batch)]
        return replace(workload, ops=tuple(ops)) if gated else workload

    def _gates(self, channels: Channels, i: int, op: Op) -> bool:
        free = channels.group(i) not in channels.fixed
        return is_maker(op) and op.kind == "conv" and free and named(op, self.layers)

    def _run(self, channels: Channels, i: int, op: Op, gated: bool, sparse: set[int], batch: int) -> Op:
        fewer_in = (is_maker(op) or is_depthwise(op)) and channels.read(i) in sparse
        if not (gated or fewer_in):
            return op
        both = gated and fewer_in and not is_depthwise(op)
        share = self.keep**2 + self.deviation**2 if both else self.keep
        apart = batch if op.kind == "conv" else 1
        names = {"n": op.n * self.keep} if gated else {}
        names |= {"b": op.b * self.keep} if is_depthwise(op) else {}
        if fewer_in and not is_depthwise(op):
            names["k"] = op.k * share / (self.keep if gated else 1)
        inputs = (*op.inputs, f"{op.name}.mask") if gated else op.inputs
        whole = {"full_height": op.b * op.n, "full_width": op.k}
        op = replace(op, inputs=inputs, weight_reads=1 - (1 - share) ** batch, **whole, **names)
        return replace(op, b=op.b * apart, m=op.m / apart)


def _predictor(op: Op, batch: int) -> list[Op]:
    """Global pooling of the layer's input, and a logit a filter, compared with a threshold."""
    inputs = op.input_elements / (op.window.input_height * op.window.input_width) / batch
    pooled = pooling(f"{op.name}.pool", op.input_elements, batch * inputs, inputs=op.inputs)
    mask = linear(f"{op.name}.mask", batch, inputs, op.n, inputs=(pooled.name,))
    return [replace(pooled, count=op.count), replace(mask, vector_flops=batch * op.n, count=op.count)]


_ABSTRACT = "Elkerdawy et al., Fire Together Wire Together, arXiv 2110.08232, abstract"

CLAIMS = (
    Claim("Fire together wire together", "cifar-15", "FLOPs removed beyond other methods' on CIFAR, %, first network",
          _ABSTRACT, "training", 15),
    Claim("Fire together wire together", "cifar-24", "FLOPs removed beyond other methods' on CIFAR, %, second network",
          _ABSTRACT, "training", 24),
    Claim("Fire together wire together", "imagenet", "FLOPs removed beyond other methods' on ImageNet, %, up to",
          _ABSTRACT, "training", 13),
)  # fmt: skip

EXAMPLES = (DynamicFilters(0.5), DynamicFilters(0.7, ("layer[34].*", "blocks.*")), DynamicFilters(0.5, deviation=0.2))
IDENTITIES = (DynamicFilters(1.0),)
