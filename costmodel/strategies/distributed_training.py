"""A training step that many GPUs share in three ways, with pipelines in chunks and gradients that may be compressed.

Narayanan et al., Efficient Large-Scale Language Model Training on GPU Clusters, arXiv 2104.04473 (interleaved
pipelines), as in Jiang et al., MegaScale, arXiv 2402.15627, whose table is in megascale.py; Gao, Islamov, Stich,
EControl, arXiv 2311.05645 (gradient compression with error control).
"""

from dataclasses import dataclass, replace

from costmodel.catalog import require
from costmodel.claim import Claim
from costmodel.estimators.gradient_compression import VALUE_BITS, require_kept, top_k_bits
from costmodel.estimators.training import bubble, require_schedule
from costmodel.estimators.training_step import RECOMPUTE
from costmodel.precision import W16A16
from costmodel.strategies._shown import Shown
from costmodel.workload import Op, Workload
from costmodel.workload.ops import collective
from costmodel.workload.parallel import pipeline_parallel, tensor_parallel
from costmodel.workload.parallel.divide import require_count, require_degree
from costmodel.workload.training import training

GRADIENTS = "gradients.exchange"


@dataclass(frozen=True)
class DistributedTraining(Shown):
    """One GPU's part of a training step, made of the forward pass of one micro-batch; its batch is the step's.

    tensor, pipeline, data  GPUs that share each layer, stages of layers, replicas
    micro_batches  that a pipeline runs in a step
    interleave     chunks of layers of a stage
    kept           share of gradients that replicas exchange (the largest, with error control), 1 = their sum
    recompute      what the backward pass computes anew: none, pointwise or layers

    The stage is the last one, which has the head; its ops wait for the other stages (`Op.waits`), which takes time and
    the board's idle power and is no work. Exchanges cross the GPU's own link and run by themselves: activations and
    their gradients in bf16, gradients of weights summed in fp32, or those kept in fp32 with their places. Networks,
    overlap, the optimizer's step and what a pipeline holds at once are those of
    `costmodel.estimators.training_step`. A training pass is taken as one micro-batch of replicas. ValueError for
    degrees below 1 or that divide neither layers nor heads, chunks that do not divide a stage's layers or whose
    micro-batches are no multiple of the stages, for what is no share, and for other passes.
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    micro_batches: int = 1
    interleave: int = 1
    kept: float = 1.0
    recompute: str = "none"

    def __post_init__(self) -> None:
        for kind in ("tensor", "pipeline", "data"):
            require_degree(kind, getattr(self, kind))
        require_count("micro_batches", self.micro_batches, "passes a step")
        require_count("interleave", self.interleave, "chunks a stage")
        require_kept(self.kept)
        require("recompute", self.recompute, RECOMPUTE)
        require_schedule(self.pipeline, self.micro_batches, self.interleave)

    @property
    def gpus(self) -> int:
        """GPUs that train together."""
        return self.tensor * self.pipeline * self.data

    @property
    def alone(self) -> "DistributedTraining":
        """The same on one GPU."""
        return replace(self, tensor=1, pipeline=1, data=1)

    def __call__(self, workload: Workload) -> Workload:
        """Return what the GPU runs in a step."""
        step = self._micro_batch(workload)
        idle = float(bubble(self.pipeline, self.micro_batches, self.interleave))
        ops = tuple(replace(op.times(self.micro_batches), waits=op.waits + idle) for op in step.ops)
        params = float(sum(op.params for op in step.ops))
        exchange = () if self.data == 1 else (self._exchange(params, ops[-1].name),)
        covers = f"{step.covers}, {self.micro_batches} times on one of {self.gpus} GPUs" if step.covers else ""
        times = self.micro_batches * self.data
        batch, passes = workload.batch * times, workload.passes * times
        return replace(step, ops=ops + exchange, batch=batch, passes=passes, covers=covers)

    def _micro_batch(self, workload: Workload) -> Workload:
        if workload.phase == "training" and self.tensor == self.pipeline == 1 and self.recompute == "none":
            return workload
        if workload.phase != "forward":
            raise ValueError(
                f"distributed_training makes a step of a forward pass, {workload.name} is a {workload.phase} pass"
            )
        part = pipeline_parallel(tensor_parallel(workload, self.tensor), self.pipeline, chunks=self.interleave)
        return training(part, recompute=RECOMPUTE[self.recompute])

    def _exchange(self, params: float, last: str) -> Op:
        bits = float(W16A16.activation.bits)
        if self.kept == 1:
            summed = params * VALUE_BITS / bits
            return collective(GRADIENTS, "all_reduce", summed, self.data, inputs=(last,))
        gathered = float(top_k_bits(params, self.kept)) * self.data / bits
        return collective(GRADIENTS, "all_gather", gathered, self.data, inputs=(last,))


CLAIMS: tuple[Claim, ...] = ()
"""What MegaScale's table says is in megascale.py; EControl's abstract has no figure."""

EXAMPLES = (
    DistributedTraining(data=8, kept=0.01),
    DistributedTraining(pipeline=4, data=2, micro_batches=8, interleave=3),
    DistributedTraining(recompute="pointwise"),
)
IDENTITIES: tuple[DistributedTraining, ...] = ()
"""None: a forward pass becomes a training pass."""
