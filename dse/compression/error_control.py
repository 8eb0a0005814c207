"""Training on several replicas that exchange the largest entries of their gradients, and keep what they did not send.

Gao, Islamov, Stich, EControl: Fast Distributed Optimization with Compression and Error Control, arXiv 2311.05645: one
message builds both an estimate of the gradient and the error, whose feedback `strength` controls. Its abstract was
read; the recursion is ours from that description. What makes it one is a test here: the parameters less the mean error
times the rate are those of plain gradient descent on the same gradients. Error compensation: Seide et al., 1-Bit
Stochastic Gradient Descent, Interspeech 2014. What messages cost is costmodel.estimators.gradient_compression.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from costmodel.estimators.gradient_compression import exchange_s, require_kept, top_k_bits
from costmodel.hardware import Link

if TYPE_CHECKING:
    import torch

    Examples = tuple[torch.Tensor, torch.Tensor]

STRENGTH = 0.03
"""Of the error's feedback: with 2 % of entries kept, runs here diverge at 0.5 and are alike from 0.001 to 0.1."""
BATCH = 32


@dataclass(frozen=True, eq=False)
class Memory:
    """What a replica keeps, float32[parameters]: the `estimate` that it is stepped by, and the `error` not sent yet."""

    estimate: "torch.Tensor"
    error: "torch.Tensor"


Method = Callable[["torch.Tensor", Memory, float, float], Memory]
"""A replica's memory after a gradient, of which a share is kept, with the strength of the error's feedback."""


def control(gradient: "torch.Tensor", memory: Memory, kept: float, strength: float = STRENGTH) -> Memory:
    """EControl: send the largest of strength x error + gradient - estimate, and add it to the estimate."""
    change = gradient - memory.estimate
    sent = largest(strength * memory.error + change, kept)
    return Memory(memory.estimate + sent, memory.error + change - sent)


def compensation(gradient: "torch.Tensor", memory: Memory, kept: float, strength: float = STRENGTH) -> Memory:  # noqa: ARG001
    """Error compensation: send the largest of error + gradient."""
    whole = memory.error + gradient
    sent = largest(whole, kept)
    return Memory(sent, whole - sent)


def none(gradient: "torch.Tensor", memory: Memory, kept: float, strength: float = STRENGTH) -> Memory:  # noqa: ARG001
    """Send the largest of the gradient, and forget the rest."""
    return Memory(largest(gradient, kept), memory.error)


METHODS: dict[str, Method] = {"control": control, "compensation": compensation, "none": none}


def largest(x: "torch.Tensor", kept: float) -> "torch.Tensor":
    """The share `kept` of a vector's entries that are largest, at least one, the others zero."""
    import torch

    count = max(1, -int(-kept * x.numel() // 1))
    sent = torch.zeros_like(x)
    at = x.abs().topk(count).indices
    sent[at] = x[at]
    return sent


@dataclass(frozen=True)
class Row:
    """One run: held-out `loss` and `accuracy`, bits that a replica sends a step, and seconds of its exchange."""

    method: str
    kept: float
    loss: float
    accuracy: float
    bits: float
    exchange_s: float


def train(
    module: "torch.nn.Module", shards: "Sequence[Examples]", method: str, *, kept: float, steps: int, rate: float,
    strength: float = STRENGTH, seed: int = 0,
) -> list[Memory]:  # fmt: skip
    """Train a classifier in place by gradient descent on all shards at once; return each replica's memory.

    A replica sees batches of its own shard alone. ValueError for an unknown method, a share outside (0, 1], or fewer
    than one step or shard.
    """
    import torch
    from torch.nn.utils import parameters_to_vector, vector_to_parameters

    require_kept(kept)
    if method not in METHODS or steps < 1 or not shards:
        raise ValueError(
            f"method must be one of {', '.join(METHODS)}, steps and shards at least 1, got {method!r}, {steps}"
        )
    generator = torch.Generator().manual_seed(seed)
    parameters = list(module.parameters())
    x = parameters_to_vector(parameters).detach().clone()
    memories = [Memory(torch.zeros_like(x), torch.zeros_like(x)) for _ in shards]
    module.train()
    for _ in range(steps):
        for i, (images, labels) in enumerate(shards):
            rows = torch.randint(len(images), (BATCH,), generator=generator)
            loss = torch.nn.functional.cross_entropy(module(images[rows]), labels[rows])
            gradient = parameters_to_vector(torch.autograd.grad(loss, parameters))
            memories[i] = METHODS[method](gradient, memories[i], kept, strength)
        x = x - rate * torch.stack([memory.estimate for memory in memories]).mean(dim=0)
        vector_to_parameters(x, parameters)
    module.eval()
    return memories


def compare(
    make: "Callable[[], torch.nn.Module]", shards: "Sequence[Examples]", held_out: "Examples",
    settings: Sequence[tuple[str, float]], *, link: Link, steps: int, rate: float, seed: int = 0,
) -> list[Row]:  # fmt: skip
    """Train what `make` returns once for each (method, kept share): what it is worth, and what its exchanges cost."""
    import torch

    images, labels = held_out
    rows = []
    for method, kept in settings:
        module = make()
        train(module, shards, method, kept=kept, steps=steps, rate=rate, seed=seed)
        with torch.no_grad():
            logits = module(images)
        params = sum(part.numel() for part in module.parameters())
        rows.append(
            Row(
                method,
                kept,
                float(torch.nn.functional.cross_entropy(logits, labels)),
                float((logits.argmax(1) == labels).float().mean()),
                float(top_k_bits(params, kept)),
                float(exchange_s(params, kept, len(shards), link)),
            )
        )
    return rows
