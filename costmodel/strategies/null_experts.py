"""AdaMoE: experts that do nothing among those a router chooses from, so that tokens take fewer true ones as they need.

Zeng et al., AdaMoE: Token-Adaptive Routing with Null Experts for Mixture-of-Experts Language Models, arXiv 2406.13233.
That balanced routing gives each token k n / (n + m) true experts is derived here.
"""

from dataclasses import dataclass, replace

from costmodel.claim import Claim
from costmodel.record import Real
from costmodel.strategies._shown import Shown
from costmodel.workload import Op, Workload
from costmodel.workload.dequantisation import DEQUANTISATION, on_tokens, reread
from costmodel.workload.ops.collective import COLLECTIVES
from costmodel.workload.ops.moe import rerouted


def true_experts(experts: Real, null_experts: Real, experts_per_token: Real) -> Real:
    """Mean true experts a token takes where all are taken equally often: k n / (n + m)."""
    return experts_per_token * experts / (experts + null_experts)


@dataclass(frozen=True)
class NullExperts(Shown):
    """Add `null_experts` to each router's choice, of which a token takes `experts_per_token` (0 = the model's number).

    A token takes `true_per_token` true ones on average: measured, or 0 for balanced routing. Neither null experts nor
    another number changes nothing. ValueError for negative numbers, more experts a token than there are, and workloads
    without routed experts.
    """

    null_experts: int = 0
    experts_per_token: int = 0
    true_per_token: float = 0.0

    def __post_init__(self) -> None:
        if min(self.null_experts, self.experts_per_token, self.true_per_token) < 0:
            raise ValueError(
                "null_experts, experts_per_token and true_per_token must be at least 0, got "
                f"{self.null_experts}, {self.experts_per_token} and {self.true_per_token}"
            )

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload whose experts see fewer tokens, and whose routers score more experts."""
        if self == NullExperts():
            return workload
        if not any(op.kind == "experts" for op in workload.ops):
            raise ValueError(f"{workload.name} has no routed experts")
        if workload.phase == "training":
            raise ValueError("null_experts takes forward passes: train what it returns")
        layers = {op.name.rpartition(".experts.")[0]: op for op in workload.ops if op.kind == "experts"}
        routers = {layer: workload.op(f"{layer}.gate") for layer in layers}
        taken = {layer: self._taken(layers[layer], routers[layer]) for layer in layers}
        edited = tuple(self._edited(op, routers, taken) for op in workload.ops)
        return replace(workload, ops=reread(workload.ops, edited))

    def _taken(self, op: Op, router: Op) -> tuple[int, float, float]:
        """A layer's true experts, and how many a token takes before and after."""
        stored, before = round(op.weight_elements / (op.n * op.k)), op.b * op.m / router.m
        if stored < router.n:
            raise ValueError(
                f"{router.name} chooses among {router.n:.0f} experts of which {stored} are stored: add null "
                "experts once, and before some are left out of memory"
            )
        chosen = self.experts_per_token or round(before)
        if chosen > stored + self.null_experts:
            there = f"{stored} true and {self.null_experts} null experts"
            raise ValueError(f"experts_per_token must be at most the {there}, got {chosen}")
        after = self.true_per_token or float(true_experts(stored, self.null_experts, chosen))
        if after > min(chosen, stored):
            raise ValueError(f"true_per_token must be at most {min(chosen, stored)} here, got {after}")
        return stored, float(before), after

    def _edited(self, op: Op, routers: dict[str, Op], taken: dict[str, tuple[int, float, float]]) -> Op:
        if op.kind in COLLECTIVES:  # of tokens' sums, whatever experts these took
            return op
        layer, found, part = op.name.rpartition(".experts.")
        if found and layer in taken:
            return op if op.kind == DEQUANTISATION else _routed(op, routers[layer], *taken[layer][1:])
        layer, _, part = op.name.partition(".gate")
        if layer in taken and (part in ("", ".scores") or op.kind == DEQUANTISATION):
            return _scored(op, 1.0 + self.null_experts / taken[layer][0])
        return op


def _routed(op: Op, router: Op, before: float, after: float) -> Op:
    """An op of the experts on the rows that still reach them; their weighted sum has as many results as before."""
    if op.kind == "experts":
        op = rerouted(op, router.m, after)
        fewer = replace(op, vector_flops=on_tokens(op, after / before))
        return _times(fewer, after / before, "input_elements", "output_elements")
    if op.name.endswith(".combine"):
        sums = op.output_elements
        return replace(op, input_elements=sums * after, vector_flops=max(0.0, 2 * after - 1) * sums)
    return _times(op, after / before, "input_elements", "output_elements", "vector_flops")


def _scored(op: Op, wider: float) -> Op:
    """A router, its softmax, or what makes its weights, over `wider` times as many experts."""
    if op.kind == "linear":
        names = ("n", "weight_elements", "vector_elements", "output_elements", "vector_flops", "weight_flops")
        return _times(op, wider, *names)
    if op.kind == DEQUANTISATION:
        return _times(op, wider, "weight_elements", "vector_flops")
    return _times(op, wider, "input_elements", "output_elements", "vector_flops")


def _times(op: Op, factor: float, *names: str) -> Op:
    return replace(op, **{name: getattr(op, name) * factor for name in names})


_ABSTRACT = "Zeng et al., arXiv 2406.13233, abstract"

CLAIMS = (
    Claim("AdaMoE", "flops-mixtral", "FLOPs saved on ARC-C by Mixtral 8x7B fine-tuned, %", _ABSTRACT, "training", 14.5),
    Claim("AdaMoE", "longcat-flash", "true experts a token of LongCat-Flash: top 12 of 512 and 256 that do nothing",
          "zhijie-group.github.io/blogs/adamoe (2025)", "analytic", 8.0, lambda: float(true_experts(512, 256, 12)),
          rtol=0.0),
)  # fmt: skip

EXAMPLES = (NullExperts(8), NullExperts(8, 3), NullExperts(8, 3, true_per_token=1.67))
IDENTITIES = (NullExperts(),)
