"""Dynamic filter pruning: a small predictor before each convolution says which of its filters this input needs.

Elkerdawy et al., Fire Together Wire Together, arXiv 2110.08232, section 3; the predictor (global pooling, a pointwise
layer to one number a filter) and what a layer then costs, active filters x active inputs, are those of selkerdawy/FTWT,
utils/layers.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from costmodel.claim import Claim
from costmodel.strategies._channels import Channels, is_carrier, is_depthwise, is_maker
from costmodel.strategies._graph import named, spelled_out
from costmodel.strategies._layers import require_matches
from costmodel.strategies._shown import Shown
from costmodel.workload import Op, Workload
from costmodel.workload.ops import linear, pooling
from costmodel.workload.training import sources


@dataclass(frozen=True)
class DynamicFilters(Shown):
    """Run the fraction `keep` of the filters, in the mean over inputs, of the convolutions that `layers` matches.

    `deviation` is the standard deviation of that fraction over inputs, common to all layers: neighbours make
    keep^2 + deviation^2 of the products. A gate stands behind its convolution's norm, before a sum, as those of
    `dse.compression.firing` do; a sum's channels are those of any of its addends, whose masks are taken as independent,
    so that n of them leave 1 - (1 - keep)^n (fractions over inputs: a beta distribution), and all where one addend has
    no mask. Filters stay stored; of a batch each image has its own, so that its products are apart. Activations
    move whole and norms are counted whole. A unit on an FPGA is built for all filters, and runs them; its whole input
    waits before it for the mask. ValueError for a fraction outside (0, 1], a deviation that none has, and a training
    pass; keep = 1 changes nothing.
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
        united, reads = _united(channels.ops, gated), sources(channels.ops)
        ops: list[Op] = []
        for i, op in enumerate(channels.ops):
            made = _predictor(op, workload.batch) if i in gated else []
            masks = united[reads[i][0]] if reads[i] and (is_maker(op) or is_depthwise(op)) else 0
            ops += [*made, self._run(op, i in gated, masks, workload.batch)]
        return replace(workload, ops=tuple(ops)) if gated else workload

    def _gates(self, channels: Channels, i: int, op: Op) -> bool:
        free = channels.group(i) not in channels.fixed
        return is_maker(op) and op.kind == "conv" and free and named(op, self.layers)

    def _run(self, op: Op, gated: bool, masks: int, batch: int) -> Op:
        """The expected product of an op whose inputs' channels are those of the union of so many masks, 0 of none."""
        if not (gated or masks):
            return op
        into = self._joined(0, masks)
        both = gated and bool(masks) and not is_depthwise(op)
        share = self._joined(1, masks) if both else self.keep if gated else into
        apart = batch if op.kind == "conv" else 1
        names = {"n": op.n * self.keep} if gated else {}
        names |= {"b": op.b * into} if is_depthwise(op) else {}
        if masks and not is_depthwise(op):
            names["k"] = op.k * share / (self.keep if gated else 1)
        inputs = (*op.inputs, f"{op.name}.mask") if gated else op.inputs
        whole = {"full_height": op.b * op.n, "full_width": op.k}
        op = replace(op, inputs=inputs, weight_reads=1 - (1 - share) ** batch, **whole, **names)
        return replace(op, b=op.b * apart, m=op.m / apart)

    def _joined(self, own: int, masks: int) -> float:
        """The mean over inputs of p^own (1 - (1 - p)^masks), p of a beta distribution of that mean and deviation."""
        return self._moment(own, 0) - self._moment(own, masks)

    def _moment(self, ones: int, others: int) -> float:
        """The mean of p^ones (1 - p)^others."""
        if not self.deviation:
            return self.keep**ones * (1 - self.keep) ** others
        spread = self.keep * (1 - self.keep) / self.deviation**2 - 1
        if spread <= 0:  # all filters or none
            return float(not (ones and others)) * (self.keep if ones else 1 - self.keep if others else 1)
        a, b = self.keep * spread, (1 - self.keep) * spread
        rising = [a + r for r in range(ones)] + [b + r for r in range(others)]
        return prod(x / (spread + r) for r, x in enumerate(rising))


def _united(ops: Sequence[Op], gated: set[int]) -> list[int]:
    """How many independent masks say together which channels of each result are not zero, 0 where none does.

    Those of a sum's addends join; of factors the fewest remain, as a factor without a mask changes nothing.
    """
    found: list[int] = []
    for i, (op, reads) in enumerate(zip(ops, sources(tuple(ops)), strict=True)):
        masks = [found[j] for j in reads]
        if i in gated:
            found.append(1)
        elif not (is_carrier(op) or is_depthwise(op)) or not masks:
            found.append(0)
        elif op.keeps_inputs and len(masks) > 1:
            found.append(min(filter(None, masks), default=0))
        else:
            found.append(sum(masks) if all(masks) else 0)
    return found


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
