"""Parallelism: what one GPU runs of a pass that several share, with the exchanges that it takes part in.

Shoeybi et al., Megatron-LM, arXiv 1909.08053 (tensor); Huang et al., GPipe, arXiv 1811.06965 (pipeline).
"""

from dataclasses import dataclass

from costmodel.claim import Claim
from costmodel.strategies._beside import PREFIXES
from costmodel.strategies._shown import Shown
from costmodel.workload import Workload
from costmodel.workload.parallel import data_parallel, in_turn, tensor_parallel
from costmodel.workload.parallel.divide import require_degree


@dataclass(frozen=True)
class Parallel(Shown):
    """One GPU's part of a pass: 1 / `data` of the batch, stage `stage` of `pipeline`, 1 / `tensor` of each layer.

    A batch passes through all stages in turn, which is what its latency is of: layers wait for as many as the other
    stages have (`Op.waits`), at the board's idle power. Batches that follow one another in a pipeline are not modelled.
    ValueError where a degree is not a whole number of at least 1, or does not divide batch, layers or heads, and for a
    pipeline of a network with a draft or verifier beside it, whose layers no stage has.
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    stage: int = -1

    def __post_init__(self) -> None:
        for kind in ("tensor", "pipeline", "data"):
            require_degree(kind, getattr(self, kind))

    @property
    def gpus(self) -> int:
        """GPUs that share the pass."""
        return self.tensor * self.pipeline * self.data

    @property
    def shares_layers(self) -> bool:
        """Whether a GPU has a part of the network, not of the batch alone."""
        return self.tensor * self.pipeline > 1

    @property
    def alone(self) -> "Parallel":
        """The same on one GPU."""
        return Parallel()

    def __call__(self, workload: Workload) -> Workload:
        """Return what the GPU runs."""
        aside = next((op.name for op in workload.ops if op.name.startswith(PREFIXES)), "")
        if aside and self.pipeline > 1:
            raise ValueError(
                f"pipelines take a network without a draft or verifier beside it: {aside} is beside {workload.name}"
            )
        part = data_parallel(workload, self.data)
        return in_turn(tensor_parallel(part, self.tensor), self.pipeline, self.stage)


CLAIMS: tuple[Claim, ...] = ()

EXAMPLES = (Parallel(tensor=2), Parallel(pipeline=4), Parallel(data=2), Parallel(tensor=2, pipeline=2, stage=0))
IDENTITIES = (Parallel(),)
