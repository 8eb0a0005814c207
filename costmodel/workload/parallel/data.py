"""Data parallelism: each GPU runs the whole network on a part of the batch."""

from dataclasses import replace

from costmodel.workload.dequantisation import DEQUANTISATION, on_tokens
from costmodel.workload.op import Op
from costmodel.workload.parallel.divide import divided, require_degree
from costmodel.workload.workload import Workload


def data_parallel(workload: Workload, replicas: int) -> Workload:
    """Return what one of `replicas` GPUs runs: the same layers on its share of the batch.

    ValueError where the replicas do not divide the batch, for a training pass, or with routed experts, whose reached
    share depends on the batch: build such a pass at the smaller batch.
    """
    require_degree("data", replicas)
    if replicas == 1:
        return workload
    if workload.batch % replicas:
        raise ValueError(f"{replicas} replicas do not divide a batch of {workload.batch}")
    if workload.phase == "training":
        raise ValueError(
            f"data parallelism shares out a forward pass; make {workload.name}'s training pass of the share"
        )
    if any(op.kind == "experts" for op in workload.ops):
        raise ValueError(f"the experts that {workload.name} reaches depend on its batch; build it at the smaller batch")
    covers = f"{workload.covers}, on one of {replicas} GPUs that share the batch" if workload.covers else ""
    return replace(workload.map(lambda op: _share(op, replicas)), batch=workload.batch // replicas, covers=covers)


def _share(op: Op, replicas: int) -> Op:
    if op.kind == DEQUANTISATION:
        return op
    part = divided(op, replicas, "input_elements", "output_elements", "kv_elements")
    part = replace(part, vector_flops=on_tokens(op, 1 / replicas))
    if op.kind == "embedding":
        return replace(part, weight_reads=op.weight_reads / replicas if op.weight_reads < 1 else 1.0)
    if op.b and op.weight_elements:
        return replace(part, m=op.m / replicas)
    return replace(part, b=op.b / replicas, heads=replace(op.heads, batch=op.heads.batch / replicas))
