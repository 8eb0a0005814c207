"""Products whose weights' zeros are multiplied: the dense product of the same shape, over the bytes that are stored.

Load as sparse, compute as dense: Xia et al., Flash-LLM, arXiv 2309.10285, section 3. Weights reach
an SM as they are stored and are multiplied as if dense, so that nothing but the time of their transfers changes.
"""

from dataclasses import replace

import numpy as np

from costmodel.estimators import gpu_gemm, slow_cache
from costmodel.estimators.gemm_kind import GemmKind
from costmodel.estimators.gemm_latency import GEMM, answering
from costmodel.estimators.prediction import Prediction
from costmodel.estimators.transfer import carried, mean_constants, of_device
from costmodel.hardware import Gpu
from costmodel.record import Real

NAME = "zeros multiplied"


def predict(
    dense: Prediction, m: Real, n: Real, k: Real, b: Real, kind: GemmKind, stored_bytes: Real, gpu: Gpu
) -> Prediction:
    """`b` (m, k) x (k, n) products whose weights take `stored_bytes` an element, from the same ones of dense weights.

    Flat arrays of one family; `kind` is that of the `dense` prediction. Transfers take longer or shorter where they
    bound by the family's constants, and what arithmetic bounds is never shorter. Nobody measured such kernels: the
    interval is at least as wide as what one family's constants err on another, and shapes share the error.
    """
    fits = answering(str(kind.math), gpu.backend)
    own = of_device(fits, gpu, str(kind.math))
    constants = mean_constants(GEMM, own) if own else carried(GEMM, str(kind.math), gpu, fits, gpu.backend)
    seen, constants = slow_cache.guarded(kind, gpu, constants)
    before = gpu_gemm.terms(m, n, k, kind, seen, constants, b)
    after = gpu_gemm.terms(m, n, k, replace(kind, weight_bytes=stored_bytes), seen, constants, b)
    limits = [np.maximum(parts.compute_s, parts.memory_s) for parts in (before, after)]
    limits[1] = np.where(stored_bytes > kind.weight_bytes, np.maximum(*limits), np.minimum(*limits))  # other tiles
    by_products = dense.bound == "compute"
    spent_s = np.where(by_products, np.maximum(*limits), limits[1])
    scale = 1.0 + (spent_s - limits[0]) / before.latency_s
    by_memory = (after.memory_s > after.compute_s) & (~by_products | (limits[1] > limits[0]))
    scaled = {name: getattr(dense, name) * scale for name in ("latency_s", "low_s", "high_s")}
    bound = np.where(dense.bound == "latency", dense.bound, np.where(by_memory, "memory", "compute"))
    return unmeasured(replace(dense, bound=bound, **scaled), str(kind.math), gpu)


def unmeasured(found: Prediction, of: str, gpu: Gpu) -> Prediction:
    """The prediction of a kernel that nobody measured, from what was measured `of` dense weights on the GPU."""
    low, high = np.exp(GEMM.unalike)
    how = np.asarray(found.how).astype(str)
    return replace(
        found,
        low_s=np.minimum(found.low_s, found.latency_s * low),
        high_s=np.maximum(found.high_s, found.latency_s * high),
        how=np.array([_label(text, of, gpu) for text in how.reshape(-1).tolist()]).reshape(how.shape)[()],
        correlation=1.0,
    )


def _label(how: str, of: str, gpu: Gpu) -> str:
    level, told = how.partition(" (")[::2]
    if level == "calibrated":
        return f"transferred ({NAME}; {of} of {gpu.name})"
    return f"{level} ({NAME}{', ' if ';' in told else '; '}{told}"
