"""What one GPU runs of a pass that several share: a tensor's part, a stage of layers, a part of the batch."""

from costmodel.workload.parallel.data import data_parallel
from costmodel.workload.parallel.pipeline import in_turn, pipeline_parallel
from costmodel.workload.parallel.tensor import tensor_parallel

__all__ = ["data_parallel", "in_turn", "pipeline_parallel", "tensor_parallel"]
