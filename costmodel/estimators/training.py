"""Formulas of distributed training: pipeline bubble, states in memory, useful FLOPs, utilisation, time to train."""

from functools import partial

from costmodel.claim import Claim
from costmodel.record import Real

SECONDS_PER_DAY = 86400.0


def bubble(stages: Real, micro_batches: Real, interleave: Real = 1) -> Real:
    """Idle time of a pipeline over its busy time, with `interleave` chunks of layers a stage.

    Narayanan et al., Efficient Large-Scale Language Model Training on GPU Clusters, arXiv 2104.04473, section 2.2.
    """
    return (stages - 1) / (interleave * micro_batches)


def require_schedule(stages: int, micro_batches: int, interleave: int) -> None:
    """ValueError where stages of several chunks have no schedule: their micro-batches are no multiple of the stages.

    The same paper, section 2.2.2, and NVIDIA/Megatron-LM, README.md.
    """
    if stages > 1 and interleave > 1 and micro_batches % stages:
        raise ValueError(
            f"a pipeline of {interleave} chunks a stage needs micro-batches in multiples of its {stages} stages, got "
            f"{micro_batches}"
        )


def flops_per_token(layers: Real, width: Real, sequence: Real, vocab: Real, *, recompute: bool = False) -> Real:
    """FLOPs of forward and backward of a GPT a token, every score counted; `recompute` adds a second forward.

    The same paper, equation 3, which has recomputation in it: 96 L h^2 (1 + s / 6h + V / 16Lh). Without, the three
    passes of each of the three terms make 72 L h^2 (1 + s / 6h + V / 12Lh).
    """
    passes, head = (96, 16) if recompute else (72, 12)
    return passes * layers * width**2 * (1 + sequence / (6 * width) + vocab / (head * layers * width))


def tokens_per_s(batch: Real, sequence: Real, step_s: Real) -> Real:
    """Tokens that a step of a global batch consumes a second."""
    return batch * sequence / step_s


def utilisation(flops: Real, step_s: Real, gpus: Real, peak_flops_per_s: Real) -> Real:
    """FLOPs of a step over what all GPUs could do at their peak: MFU of useful ones, HFU of all that are executed.

    Chowdhery et al., PaLM, arXiv 2204.02311, appendix B.
    """
    return flops / (step_s * gpus * peak_flops_per_s)


def days(tokens: Real, rate_per_s: Real) -> Real:
    """Days to train on so many tokens at a rate a second."""
    return tokens / rate_per_s / SECONDS_PER_DAY


def state_bytes(
    weight_bytes: Real, gradient_bytes: Real, optimizer_bytes: Real, replicas: Real, stage: int = 0
) -> Real:
    """Bytes of weights, gradients and optimizer states on one of `replicas` GPUs that train the same layers.

    `stage` 1 divides the optimizer's states among them, 2 gradients too, 3 weights too. Rajbhandari et al., ZeRO, arXiv
    1910.02054, section 5. ValueError for another stage.
    """
    if stage not in (0, 1, 2, 3):
        raise ValueError(f"a ZeRO stage is 0, 1, 2 or 3, got {stage!r}")
    shares = [1.0 / replicas if stage >= least else 1.0 for least in (3, 2, 1)]
    parts = (weight_bytes, gradient_bytes, optimizer_bytes)
    return sum(part * share for part, share in zip(parts, shares, strict=True))


def micro_batches_held(stages: Real, micro_batches: Real, interleave: Real = 1) -> Real:
    """Micro-batches whose activations the first stage keeps at once, where a backward follows as soon as it can.

    Korthikanti et al., Reducing Activation Recomputation in Large Transformer Models, arXiv 2205.05198, section 4.2.3:
    interleaving keeps (p - 1) / (p v) more.
    """
    more = 1.0 + (stages - 1) / (stages * interleave) if interleave > 1 else 1.0
    return min(stages, micro_batches) * more


def update_bytes(weight_bytes: Real, gradient_bytes: Real, optimizer_bytes: Real, own_master_bytes: Real = 0.0) -> Real:
    """Bytes that an optimizer's step moves: gradients read, states read and written, weights written.

    Weights that are their own masters are read too.
    """
    return gradient_bytes + 2.0 * optimizer_bytes + weight_bytes + own_master_bytes


def exposed_s(exchange_s: Real, behind_s: Real, *, overlapped: bool) -> Real:
    """What is left of an exchange that runs behind so much arithmetic, all of it where they do not overlap."""
    return max(exchange_s - behind_s, 0.0) if overlapped else exchange_s


def _zero_gb(stage: int) -> float:
    """GB of states a GPU of 64 that train 7.5e9 parameters, 2 bytes of weight and gradient and 12 of Adam each."""
    params = 7.5e9
    return float(state_bytes(2 * params, 2 * params, 12 * params, 64, stage) / 1e9)


CLAIMS = tuple(
    Claim(
        "ZeRO",
        f"states_{stage}",
        f"GB of model states a GPU, 7.5e9 parameters on 64 GPUs, stage {stage}",
        "Rajbhandari et al., ZeRO, arXiv 1910.02054, figure 1",
        "analytic",
        printed,
        partial(_zero_gb, stage),
        how="formula" if stage else "definition",  # without division they are the bytes a parameter that it states
    )
    for stage, printed in enumerate((120.0, 31.4, 16.6, 1.9))
)
