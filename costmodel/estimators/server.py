"""A server of a language model on GPUs: its curve over batches, and the best batch within limits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from costmodel.catalog import require
from costmodel.estimators.assignment import Assignment, per_op
from costmodel.estimators.footprint import peak_activation_bytes
from costmodel.estimators.over_batches import OverBatches, over_batches
from costmodel.estimators.pass_latency import PassLatency, batch_latency, pass_latency
from costmodel.estimators.serving import MODES, Requests
from costmodel.estimators.supported import require_code_bits
from costmodel.estimators.traffic import kv_bytes, weight_bytes
from costmodel.hardware import Gpu
from costmodel.precision import Precision
from costmodel.record import Real, stack
from costmodel.workload import Op, Workload
from costmodel.workload.parallel import tensor_parallel

Floats = NDArray[np.float64]

MEMORY_SHARE = 0.9
"""Of a GPU's memory a server takes so much for weights, caches and activations: vLLM's default of
gpu_memory_utilization (docs.vllm.ai, engine arguments)."""

BASELINE = "bf16"
"""What stands for any precision that all ops share."""

LARGEST = 4096
"""No batch is taken to be larger."""

POINTS, FEW = 256, 6
"""Batches evaluated at once in each round of a search, and where a pass is built for each."""

Passes = Callable[[str, int, int], Workload]
"""Builds the pass of a phase, prefill or decode, of a batch and a context."""


@dataclass(frozen=True)
class Limits:
    """The most seconds to the first token and for each further one; ValueError unless both are positive."""

    ttft_s: float = np.inf
    tpot_s: float = np.inf

    def __post_init__(self) -> None:
        for f in fields(self):
            if not getattr(self, f.name) > 0:
                raise ValueError(f"{f.name} must be positive, got {getattr(self, f.name)}")


@dataclass(frozen=True)
class Curve:
    """What a server does at each batch, float64[batches]; `_low` and `_high` bound the latencies' 90 % interval."""

    batch: Floats
    ttft_s: Floats
    ttft_low_s: Floats
    ttft_high_s: Floats
    tpot_s: Floats
    tpot_low_s: Floats
    tpot_high_s: Floats
    tokens_per_s: Floats
    tokens_per_s_low: Floats
    tokens_per_s_high: Floats
    memory_bytes: Floats
    energy_j_per_token: Floats

    def at(self, i: int) -> dict[str, float]:
        """One batch's values by name."""
        return {f.name: float(getattr(self, f.name)[i]) for f in fields(self)}

    def joined(self, other: "Curve") -> "Curve":
        """Both curves' batches in rising order, each once."""
        batch, first = np.unique(np.concatenate([self.batch, other.batch]), return_index=True)
        both = {f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)])[first] for f in fields(self)}
        return Curve(**both | {"batch": batch})


@dataclass(frozen=True)
class Server:
    """A model at a precision on `gpus` GPUs that share each layer, batching as a key of MODES says.

    `memory_share` of each GPU's memory is for it. ValueError for a mode or share that is not one.
    """

    passes: Passes
    precision: Assignment
    gpu: Gpu
    requests: Requests
    gpus: int = 1
    mode: str = "continuous"
    memory_share: float = MEMORY_SHARE

    def __post_init__(self) -> None:
        require("mode", self.mode, MODES)
        if not 0 < self.memory_share <= 1:
            raise ValueError(f"memory_share must be within 0..1, got {self.memory_share}")

    def curve(self, batches: Sequence[int]) -> Curve:
        """Evaluate the batches, all at once."""
        sizes = np.asarray(batches, dtype=np.float64)
        every = self.mode == "synchronous"
        prefill = self._latency("prefill", self.requests.prompt, batches) if every else self._read_alone
        decode = self._latency("decode", self.requests.mean_context, batches)
        columns: dict[str, Floats] = {}
        for end, rate in (("", ""), ("_low", "_high"), ("_high", "_low")):
            name = f"{end.strip('_') or 'latency'}_s"
            served = MODES[self.mode](getattr(prefill, name), getattr(decode, name), sizes, self.requests)
            columns |= {f"ttft{end}_s": served.ttft_s, f"tpot{end}_s": served.tpot_s}
            columns[f"tokens_per_s{rate}"] = served.tokens_per_s
        columns["energy_j_per_token"] = self._joules(prefill.energy_j, decode.energy_j, sizes)
        shaped = {name: np.broadcast_to(column, sizes.shape) for name, column in columns.items()}
        return Curve(batch=sizes, memory_bytes=self.needs_bytes(sizes), **shaped)

    @cached_property
    def _read_alone(self) -> PassLatency:
        """The prefill of one request."""
        return pass_latency([self._pass("prefill", 1, self.requests.prompt)], self.precision, self.gpu)

    def _latency(self, phase: str, context: int, batches: Sequence[int]) -> PassLatency:
        """A phase's pass at each batch; built for each where its counts do not grow evenly with the batch."""
        grown = self._grown(phase, context)
        if grown is None:
            return pass_latency([self._pass(phase, b, context) for b in batches], self.precision, self.gpu)
        return batch_latency(grown, np.asarray(batches, dtype=np.float64), self.gpu)

    def _grown(self, phase: str, context: int) -> OverBatches | None:
        if isinstance(self.precision, Mapping):
            return _over_batches(self.passes, self.gpus, phase, context, tuple(self.precision.items()))
        shared = _over_batches(self.passes, self.gpus, phase, context, ())
        return None if shared is None else shared.under(self.precision)

    def _joules(self, prefill: Floats, decode: Floats, sizes: Floats) -> Floats:
        """Joules of all GPUs for each token written."""
        each = prefill / sizes if self.mode == "synchronous" else prefill
        return np.asarray(self.gpus * (each + self.requests.decodes * decode / sizes) / self.requests.output)

    @property
    def memory_bytes(self) -> float:
        """Bytes of each GPU that the server may take."""
        return float(self.gpu.memory_bytes * self.memory_share)

    def needs_bytes(self, batch: Real) -> Floats:
        """Bytes of each GPU: weights, caches at their longest, and the live activations of the larger pass."""
        reads = batch if self.mode == "synchronous" else 1.0
        live = np.maximum(reads * self._live_bytes["prefill"], batch * self._live_bytes["decode"])
        return np.asarray(self._weight_bytes + batch * self._cache_bytes + live)

    def largest(self) -> int:
        """The largest batch that fits each GPU, 0 where none does; 1 of requests that are read one by one and leave."""
        alone = self.mode == "continuous" and not self.requests.decodes
        batches = np.arange(1, 2 if alone else LARGEST + 1)
        return int(np.count_nonzero(self.needs_bytes(batches) <= self.memory_bytes))

    @cached_property
    def _weight_bytes(self) -> float:
        """Of the pass that has more: a draft's, say, are of decodes alone."""
        requests = self.requests
        contexts = {"prefill": requests.prompt, "decode": requests.mean_context}
        return max(self._summed(weight_bytes, phase, context) for phase, context in contexts.items())

    @cached_property
    def _cache_bytes(self) -> float:
        """Of one request at its longest."""
        return self._summed(kv_bytes, "decode", self.requests.longest - 1)

    def _summed(self, count: Callable[[Op, Precision], Real], phase: str, context: int) -> float:
        part = self._pass(phase, 1, context)
        used = per_op(part, self.precision)
        require_code_bits(part.ops, used)
        return float(np.sum(count(part.batch_of_ops, stack(used))))

    @cached_property
    def _live_bytes(self) -> dict[str, float]:
        """The most activations alive at once in a pass of one request; a batch's are as many times more."""
        requests = self.requests
        parts = {"prefill": requests.prompt, "decode": requests.mean_context}
        passes = {phase: self._pass(phase, 1, context) for phase, context in parts.items()}
        return {ph: peak_activation_bytes(p, stack(per_op(p, self.precision))) for ph, p in passes.items()}

    def _pass(self, phase: str, batch: int, context: int) -> Workload:
        return _split(self.passes, self.gpus, phase, batch, context)

    @cached_property
    def whole(self) -> Curve:
        """The curve from one request to the largest batch, at powers of two and between; ValueError where none fits."""
        most = self.largest()
        if not most:
            needs = float(self.needs_bytes(1))
            raise ValueError(f"one request needs {needs:.3g} bytes of each GPU, of which a server may take less")
        between = _between(0, most, POINTS) if self._has_columns else []
        return self.curve(sorted({*(2**i for i in range(most.bit_length())), *between, most}))

    @property
    def _has_columns(self) -> bool:
        return self._grown("decode", self.requests.mean_context) is not None

    def best(self, limits: Limits) -> tuple[Curve, int] | None:
        """The batches evaluated and the index of the largest that fits and meets the limits, None where none does.

        Latencies rise with the batch, so that the largest is found in rounds between one that meets them and
        one that does not.
        """
        most = self.largest()
        if not most:
            return None
        curve = self.whole
        points = POINTS if self._has_columns else FEW
        while True:
            good = np.flatnonzero((curve.ttft_s <= limits.ttft_s) & (curve.tpot_s <= limits.tpot_s))
            met = int(curve.batch[good[-1]]) if good.size else 0
            above = curve.batch[curve.batch > met]
            more = _between(met, int(above[0]) - 1, points) if above.size else []
            if not more:
                break
            curve = curve.joined(self.curve(more))
        return (curve, int(good[-1])) if good.size else None


@lru_cache(maxsize=64)
def _split(passes: Passes, gpus: int, phase: str, batch: int, context: int) -> Workload:
    """What one of the GPUs runs of a pass, for all servers that have the same."""
    return tensor_parallel(passes(phase, batch, context), gpus)


@lru_cache(maxsize=64)
def _over_batches(
    passes: Passes, gpus: int, phase: str, context: int, assigned: tuple[tuple[str, Precision | str], ...]
) -> OverBatches | None:
    """Its ops over batches, each at its precision where that differs; None too where some batch cannot be built."""
    try:
        return over_batches(lambda batch: _split(passes, gpus, phase, batch, context), dict(assigned) or BASELINE)
    except ValueError:
        return None


def _between(low: int, high: int, points: int) -> list[int]:
    """At most so many whole batches above `low` up to `high`, evenly apart in logarithms."""
    if high <= low:
        return []
    return sorted({round(b) for b in np.geomspace(low + 1, high, min(points, high - low)).tolist()})
