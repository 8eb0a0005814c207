"""Plans of distributed training: every layout of GPUs that a command line spells, the fastest step first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import costmodel as cm
from costmodel import models
from costmodel.catalog import UnmatchedError
from costmodel.estimators.training import days
from costmodel.estimators.training_step import Layout, training_step
from costmodel.hardware import Gpu, Link, link
from costmodel.strategies._then import schedules, steps_of
from costmodel.workload import Workload
from costmodel.workload.training import training
from dse.plan import InfeasibleError


@dataclass(frozen=True)
class Question:
    """Which layouts to try: `gpus` in all, degrees of tensor and pipeline parallelism, the rest replicas.

    A sample is a sequence of `context` tokens, or, without, what the network reads at `resolution` or its own, as an
    image; `amount` of tokens, or of samples, are to be trained on. `layout` has what they share: chunks a stage, ZeRO
    stage, what overlaps and what is computed anew; `strategy` edits the network's forward pass, or schedules its
    training.
    """

    model: str
    gpu: Gpu
    network: Link
    precision: str
    gpus: tuple[int, ...]
    tensor: tuple[int, ...]
    pipeline: tuple[int, ...]
    micro_batch: tuple[int, ...]
    layout: Layout
    batch: int
    context: int | None = None
    amount: float | None = None
    price: float | None = None
    strategy: str = "none"
    resolution: int | None = None

    def layouts(self) -> Iterator[Layout]:
        """Every layout whose degrees divide the GPUs."""
        for gpus, tensor, pipeline, micro in product(self.gpus, self.tensor, self.pipeline, self.micro_batch):
            if gpus % (tensor * pipeline) == 0:
                data = gpus // (tensor * pipeline)
                chunks = self.layout.interleave if pipeline > 1 else 1
                shared = replace(self.layout, micro_batch=micro, interleave=chunks)
                yield replace(shared, tensor=tensor, pipeline=pipeline, data=data)


def plan(question: Question) -> list[dict[str, Any]]:
    """Return a row a layout, those that fit first and the fastest of each number of GPUs first.

    A layout that divides neither batch, layers nor heads has a `reason` instead of numbers. ValueError where all have,
    or a step of its strategy is a layout itself; InfeasibleError with the least memory where none fits.
    """
    _refuse_layouts(question.strategy)
    rows = [_row(question, layout) for layout in question.layouts()]
    if not rows:
        raise ValueError(f"no product of --tensor and --pipeline divides {question.gpus[0]} GPUs")
    ran = [row for row in rows if "reason" not in row]
    if not ran:
        raise ValueError(rows[0]["reason"])
    if not any(row["fits"] for row in ran):
        least = min(row["memory_bytes"] for row in ran)
        has = question.gpu.memory_bytes
        raise InfeasibleError(
            f"no layout fits: the least needs {least / 1e9:.1f} GB of each GPU, which has {has / 1e9:.1f}",
            {"memory_bytes": least},
        )
    ran.sort(key=lambda row: (row["gpus"], not row["fits"], row["step_s"]))
    return ran + [row for row in rows if "reason" in row]


def _refuse_layouts(strategy: str) -> None:
    """ValueError where a step divides the network between GPUs, or makes the training step, as the options do."""
    for step in steps_of(cm.strategies.strategy(strategy)):
        made = isinstance(step, cm.strategies.DistributedTraining)
        if made or (isinstance(step, cm.strategies.Parallel) and step.gpus > 1):
            told = "make the training step" if made else "divide the network between GPUs"
            raise ValueError(
                f"--gpus, --tensor and --pipeline {told}: leave {cm.strategies.spelled(step)} out of --strategy"
            )


def _row(question: Question, layout: Layout) -> dict[str, Any]:
    named = {name: getattr(layout, name) for name in ("gpus", "tensor", "pipeline", "data", "micro_batch")}
    forward, edit = _forward(question), _schedule(question)
    try:
        found = training_step(forward, question.batch, question.precision, question.gpu, layout, question.network, edit)
    except ValueError as error:
        return named | {"reason": str(error)}
    row = named | {name: value for name, value in vars(found).items() if name not in ("layout", "batch")}
    unit = "tokens_per_s" if question.context else "samples_per_s"
    row[unit] = question.batch * (forward(1).context or 1) / found.step_s
    if question.amount is not None:
        row["days"] = days(question.amount, row[unit])
        if question.price is not None:
            row["cost"] = row["days"] * 24 * layout.gpus * question.price
    return row


def _forward(question: Question) -> Callable[[int], Workload]:
    """The forward pass after the steps that edit it, whose training the others schedule."""
    steps = steps_of(cm.strategies.strategy(question.strategy))
    edit = cm.strategies.compose(*(step for step in steps if not schedules(step)))

    def forward(batch: int) -> Workload:
        shape: dict[str, Any] = {"context": question.context, "resolution": question.resolution}
        workload = models.load(question.model, phase="forward", batch=batch, **shape)
        if question.context is None and any(op.kind == "embedding" for op in workload.ops):
            raise ValueError(f"{question.model} reads tokens: --context says how many a sequence has")
        return edit(workload)

    return forward


def _schedule(question: Question) -> Callable[[Workload], Workload] | None:
    """What schedules make of a stage's training pass; ValueError where one names no layer of the whole network."""
    steps = tuple(step for step in steps_of(cm.strategies.strategy(question.strategy)) if schedules(step))
    if not steps:
        return None
    cm.strategies.compose(*steps)(training(_forward(question)(1)))

    def edit(stage: Workload) -> Workload:
        for step in steps:
            try:
                stage = step(stage)
            except UnmatchedError:
                continue
        return stage

    return edit


def read(device: str, network: str, **positive: float | None) -> tuple[Gpu, Link]:
    """The GPU and network of a question; ValueError where a number is not positive or the device no GPU."""
    for name, value in positive.items():
        if value is not None and not 0 < value < float("inf"):
            raise ValueError(f"--{name} must be positive, got {value}")
    gpu = cm.device(device)
    if not isinstance(gpu, Gpu):
        raise ValueError(f"training is modelled on GPUs, {device} is none")
    return gpu, link(network)
