"""Workload: a network pass as a tuple of ops."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from costmodel import display
from costmodel.catalog import UnknownNameError
from costmodel.record import stack
from costmodel.workload.answers import Answers
from costmodel.workload.op import Op

PHASES = ("forward", "encode", "prefill", "decode", "training")
SHOWN_OPS = 8
"""Ops that a notebook shows."""


@dataclass(frozen=True)
class Workload:
    """Ops in execution order.

    outputs    names of the ops whose results leave the network (empty = the last op), and
    detached   those of them that no loss is computed of
    uncounted  names of parts that an importer did not understand: they cost something, and no op says how much
    phase      what one pass is: forward, encode (what an encoder-decoder's prefill runs but its decodes do not),
               prefill, decode (one token a sequence) or training (one step)
    batch      sequences or images in a pass
    covers     in words, what of the network the pass runs and on what; empty where that is not known
    stated     (layer, precision) where the model's file states formats, "*" for layers of which it says none
    answers    how often what is written is right, where somebody said how often one sample is
    passes     passes of equally many that the batch is run in: a training step's micro-batches and replicas
    prepared   ops on parameters alone: run once before inferences, which do not count them, and in each training step
    context    tokens that each sequence of a language model's pass reads, or has cached; 0 elsewhere
    heard      positions in the table of an encoder whose results a decode reads; 0 where that has no table
    written    tokens that a decode writes for each that counts: those of thoughts, of discarded samples, of padding
    """

    name: str
    ops: tuple[Op, ...]
    outputs: tuple[str, ...] = ()
    uncounted: tuple[str, ...] = ()
    phase: str = "forward"
    batch: int = 1
    covers: str = ""
    stated: tuple[tuple[str, str], ...] = ()
    answers: Answers | None = None
    written: float = 1.0
    context: int = 0
    heard: int = 0
    passes: int = 1
    detached: tuple[str, ...] = ()
    prepared: tuple[Op, ...] = ()

    def __post_init__(self) -> None:
        if not self.ops:
            raise ValueError(f"workload {self.name!r} has no ops")
        if self.phase not in PHASES:
            raise ValueError(f"phase must be one of {', '.join(PHASES)}, got {self.phase!r}")
        if self.batch < 1:
            raise ValueError(f"batch must be at least 1, got {self.batch}")
        times = Counter(op.name for op in self.ops)
        repeated = [name for name, count in times.items() if count > 1]
        if repeated:
            raise ValueError(f"op names must differ within a workload, got {repeated[0]!r} twice in {self.name!r}")
        negative = next((op.name for op in self.ops if not (op.macs >= 0 and op.count >= 0)), None)
        if negative is not None:
            raise ValueError(f"an op's counts must be at least 0, got fewer in {negative!r}")
        missing = [name for name in self.outputs if name not in times]
        if missing:
            raise ValueError(f"an output of workload {self.name!r} must be one of its ops, got {missing[0]!r}")

    def __hash__(self) -> int:
        """Of a few ops: caches ask for a network's again and again, and compare those of one hash whole."""
        few = self.ops[:: max(len(self.ops) // 4, 1)]
        return hash((self.name, self.phase, self.batch, self.covers, self.outputs, len(self.ops), few))

    @cached_property
    def batch_of_ops(self) -> Op:
        """The ops as one record of arrays."""
        return stack(self.ops)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the ops with weights, those whose format is a choice."""
        return tuple(op.name for op in self.ops if op.weight_elements > 0)

    def op(self, name: str) -> Op:
        """The op of that name; UnknownNameError lists near names."""
        for op in self.ops:
            if op.name == name:
                return op
        raise UnknownNameError("op", name, (op.name for op in self.ops))

    def map(self, edit: Callable[[Op], Op], where: Callable[[Op], bool] = lambda _: True) -> "Workload":
        """Return the workload with `edit` applied to the ops that `where` holds for."""
        return replace(self, ops=tuple(edit(op) if where(op) else op for op in self.ops))

    def table(self) -> list[dict[str, float | str]]:
        """One row an op: name, kind, params, MACs and element counts."""
        columns = ("params", "macs", "input_elements", "weight_elements", "kv_elements", "output_elements")
        return [{"name": op.name, "kind": op.kind, **{c: float(getattr(op, c)) for c in columns}} for op in self.ops]

    def __repr__(self) -> str:
        ops = f"{len(self.ops)} ops, {len(self.layers)} with weights"
        batch = self.batch_of_ops
        counts = f"{batch.params.sum():.4g} params, {batch.macs.sum():.4g} macs"
        left = f", {len(self.uncounted)} uncounted" if self.uncounted else ""
        return f"<Workload {self.name!r}: {self.phase}, batch {self.batch}, {ops}, {counts}{left}>"

    def _repr_html_(self) -> str:
        batch = self.batch_of_ops
        weights = len(self.layers)
        totals = {
            "params": batch.params.sum(),
            "macs": batch.macs.sum(),
            "ops": f"{len(self.ops)}, {weights} with weights",
        }
        notes = (self.covers, f"Not counted: {', '.join(self.uncounted)}" if self.uncounted else "")
        about = display.card(f"{self.name} ({self.phase}, batch {self.batch})", totals, notes=notes)
        rows = sorted(self.table(), key=lambda row: -float(row["macs"]))[:SHOWN_OPS]
        title = f"The {len(rows)} largest of {len(self.ops)} ops by MACs; .table() has all"
        return about + display.table(title, rows, list(rows[0]))
