"""One training step on many GPUs: what each runs by `estimate`, what they exchange by formulas, and whether it fits."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from costmodel.catalog import require
from costmodel.estimators import gradient_compression
from costmodel.estimators.assignment import Assignment
from costmodel.estimators.collectives import all_gather_s, all_reduce_s, reduce_scatter_s, send_s
from costmodel.estimators.estimate import estimate
from costmodel.estimators.estimated import Estimate
from costmodel.estimators.footprint import MASTER_BITS, master_bytes
from costmodel.estimators.training import (
    bubble,
    exposed_s,
    micro_batches_held,
    require_schedule,
    state_bytes,
    update_bytes,
    utilisation,
)
from costmodel.hardware import Gpu, Link
from costmodel.record import stack
from costmodel.workload import Op, Workload
from costmodel.workload.ops import COLLECTIVES
from costmodel.workload.parallel import pipeline_parallel, tensor_parallel
from costmodel.workload.parallel.divide import require_count, require_degree
from costmodel.workload.training import nothing, training

OVERLAPS = ("tensor", "pipeline", "data")

RESIDUAL, LAYER = "residual", "mlp_residual"
"""How the names of a transformer's residual sums end, and of the last one of a layer."""

RECOMPUTE: dict[str, Callable[[Op], bool]] = {
    "none": nothing,
    "pointwise": lambda op: op.kind in ("norm", "activation") or _within(op),
    "layers": lambda op: op.kind not in ("embedding", "send") and not op.name.endswith(LAYER),
}
"""What the backward pass computes anew: nothing, cheap ops, or all of a layer but what leaves it."""


@dataclass(frozen=True)
class Layout:
    """How GPUs share a training step; `interleave` is the chunks of layers a pipeline stage has.

    `zero` is the ZeRO stage of the data-parallel GPUs; `overlap` names the exchanges, among OVERLAPS, that run behind
    arithmetic; results of ops for which `recompute` holds are computed anew; `gradient_bits` are those that a gradient
    is exchanged in, `gradient_kept` the share of entries that is (the largest, with error control). ValueError where a
    degree is below 1, a name unknown, or gradients are to be both compressed and divided (ZeRO 2 and 3).
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    micro_batch: int = 1
    interleave: int = 1
    zero: int = 1
    overlap: tuple[str, ...] = ()
    gradient_bits: float = 32.0
    gradient_kept: float = 1.0
    recompute: Callable[[Op], bool] = field(default=nothing, compare=False)

    def __post_init__(self) -> None:
        for kind in ("tensor", "pipeline", "data"):
            require_degree(kind, getattr(self, kind))
        require_count("micro_batch", self.micro_batch, "samples")
        require_count("interleave", self.interleave, "chunks a stage")
        for name in self.overlap:
            require("overlap", name, OVERLAPS)
        gradient_compression.require_kept(self.gradient_kept)
        if self.gradient_kept < 1 and self.zero > 1:
            raise ValueError(
                f"compressed gradients are kept whole by each replica: zero must be 0 or 1, got {self.zero}"
            )

    @property
    def gpus(self) -> int:
        """GPUs that train together."""
        return self.tensor * self.pipeline * self.data

    def micro_batches(self, batch: int) -> int:
        """Micro-batches that each pipeline runs in a step; ValueError where they divide no batch of at least 1."""
        require_count("batch", batch, "samples")
        each = self.data * self.micro_batch
        if batch % each:
            raise ValueError(f"{self.data} replicas of micro-batches of {self.micro_batch} do not divide {batch}")
        return batch // each


@dataclass(frozen=True)
class TrainingStep:
    """Seconds of a step and of its parts, bytes on the fullest GPU, how much of the peak is used, what has no cost."""

    layout: Layout
    batch: int
    step_s: float
    step_low_s: float
    step_high_s: float
    parts_s: dict[str, float]
    memory_bytes: float
    fits: bool
    mfu: float
    hfu: float
    uncounted: tuple[str, ...]


def training_step(
    forward: Callable[[int], Workload],
    batch: int,
    precision: Assignment,
    gpu: Gpu,
    layout: Layout,
    network: Link,
    edit: Callable[[Workload], Workload] | None = None,
) -> TrainingStep:
    """Estimate a step over `batch` samples of a network whose forward pass of a batch `forward` builds.

    `edit` is what a schedule makes of a training pass, on average over the steps; memory, gradients exchanged and the
    optimizer's step are those of the pass without it, as all weights are trained. Tensor-parallel GPUs exchange over
    the GPU's own link, stages and replicas over the `network`. The interval is that of the arithmetic; exchanges
    between nodes, whose switches are taken as never busy, have none. ValueError where the batch is below 1, where the
    layout divides neither batch, layers nor heads, or its chunks neither a stage's layers nor micro-batches.
    """
    micro_batches = layout.micro_batches(batch)
    require_schedule(layout.pipeline, micro_batches, layout.interleave)
    whole = tensor_parallel(forward(layout.micro_batch), layout.tensor)
    places = sorted({0, layout.pipeline - 1})
    shared = [pipeline_parallel(whole, layout.pipeline, i, chunks=layout.interleave) for i in places]
    parts = [training(stage, recompute=layout.recompute) for stage in shared]
    stages = [estimate(part if edit is None else edit(part), precision, gpu) for part in parts]
    unedited = stages if edit is None else [estimate(part, precision, gpu) for part in parts]
    slowest, trained = max(zip(stages, unedited, strict=True), key=lambda found: found[0].totals["latency_s"])
    seconds = _parts(slowest, trained, layout, micro_batches, gpu, network)
    step_s = sum(seconds.values())
    share = {end: slowest.totals[f"latency_{end}_s"] / slowest.totals["latency_s"] for end in ("low", "high")}
    busy_s = seconds["arithmetic"] + seconds["tensor exchange"] + seconds["bubble"]
    ends = {end: step_s + busy_s * (factor - 1.0) for end, factor in share.items()}
    memory = max(_memory_bytes(found, layout, micro_batches) for found in [*stages, *unedited])
    useful, executed = _flops(forward, batch, layout, edit)
    peak = gpu.flops_per_s(slowest.precisions[0])
    return TrainingStep(
        layout=layout,
        batch=batch,
        step_s=step_s,
        step_low_s=ends["low"],
        step_high_s=ends["high"],
        parts_s=seconds,
        memory_bytes=memory,
        fits=bool(memory <= gpu.memory_bytes),
        mfu=float(utilisation(useful, step_s, layout.gpus, peak)),
        hfu=float(utilisation(executed, step_s, layout.gpus, peak)),
        uncounted=tuple(dict.fromkeys(name for found in stages for name in found.uncounted)),
    )


def _within(op: Op) -> bool:
    """Whether an op multiplies or turns elements within a sublayer."""
    return op.kind == "elementwise" and not op.name.endswith(RESIDUAL)


def _parts(
    found: Estimate, trained: Estimate, layout: Layout, micro_batches: int, gpu: Gpu, network: Link
) -> dict[str, float]:
    kinds = np.array([op.kind for op in found.workload.ops])
    seconds = found.columns["latency_s"]
    sends, exchanges = kinds == "send", np.isin(kinds, COLLECTIVES) & (kinds != "send")
    arithmetic = float(seconds[~(sends | exchanges)].sum())
    tensor = exposed_s(float(seconds[exchanges].sum()), arithmetic, overlapped="tensor" in layout.overlap)
    sent = sum((_sent_s(found, int(i), network) for i in np.flatnonzero(sends)), 0.0)
    pipeline = exposed_s(sent, arithmetic, overlapped="pipeline" in layout.overlap)
    data = _data_exchange_s(trained, layout, network)
    behind = micro_batches * arithmetic
    parts = {
        "arithmetic": micro_batches * arithmetic,
        "tensor exchange": micro_batches * tensor,
        "pipeline exchange": micro_batches * pipeline,
    }
    idle = bubble(layout.pipeline, micro_batches, layout.interleave)
    parts["bubble"] = idle * sum(parts.values())
    parts["data exchange"] = exposed_s(data, behind, overlapped="data" in layout.overlap)
    parts["optimizer"] = _update_s(trained, layout, gpu)
    return {name: float(value) for name, value in parts.items()}


def _sent_s(found: Estimate, i: int, network: Link) -> float:
    bits = found.precisions[i].activation.bits_per_element
    op = found.workload.ops[i]
    return float(op.count * send_s(op.output_elements * bits / 8.0, 2, network))


def _data_exchange_s(found: Estimate, layout: Layout, network: Link) -> float:
    """Gradients summed among replicas; with ZeRO each sums its part and sends the weights that it updates.

    ZeRO 3 gathers weights for the forward and the backward pass anew.
    """
    params = _trained_params(found)
    gradients = params * layout.gradient_bits / 8.0
    gathers = 0 if layout.zero == 0 else 2 if layout.zero == 3 else 1
    weights = gathers * all_gather_s(found.totals["weight_bytes"], layout.data, network)
    if layout.gradient_kept < 1:
        return float(gradient_compression.exchange_s(params, layout.gradient_kept, layout.data, network) + weights)
    if layout.zero == 0:
        return float(all_reduce_s(gradients, layout.data, network))
    return float(reduce_scatter_s(gradients, layout.data, network) + weights)


def _trained_params(found: Estimate) -> float:
    return float(np.sum(found.workload.batch_of_ops.trained_params))


def _update_s(found: Estimate, layout: Layout, gpu: Gpu) -> float:
    totals = found.totals
    own = layout.data if layout.zero else 1
    masters = float(np.sum(master_bytes(found.workload.batch_of_ops, stack(found.precisions))))
    own_masters = _trained_params(found) * MASTER_BITS / 8.0 - masters
    moved = update_bytes(totals["weight_bytes"], totals["gradient_bytes"], totals["optimizer_bytes"], own_masters)
    return float(moved / own / gpu.memory_bytes_per_s)


def _memory_bytes(found: Estimate, layout: Layout, micro_batches: int) -> float:
    totals = found.totals
    states = state_bytes(
        totals["weight_bytes"], totals["gradient_bytes"], totals["optimizer_bytes"], layout.data, layout.zero
    )
    if layout.gradient_kept < 1:
        states += gradient_compression.STATE_BYTES * _trained_params(found)
    held = micro_batches_held(layout.pipeline, micro_batches, layout.interleave)
    return float(states + held * totals["peak_activation_bytes"])


def _flops(
    forward: Callable[[int], Workload], batch: int, layout: Layout, edit: Callable[[Workload], Workload] | None
) -> tuple[float, float]:
    """Useful FLOPs of the step, and those with what is computed again."""
    whole = forward(layout.micro_batch)
    times = batch / layout.micro_batch
    steps = (training(whole, recompute=again) for again in (nothing, layout.recompute))
    useful, executed = (times * sum(op.flops for op in (edit(step) if edit else step).ops) for step in steps)
    return float(useful), float(executed)
