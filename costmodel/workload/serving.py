"""The passes of serving a language model: prefill, decode, and an encoder's forward."""

from costmodel.workload.language_model import LanguageModel
from costmodel.workload.training import training
from costmodel.workload.transformer.network import network
from costmodel.workload.transformer.span import Span
from costmodel.workload.workload import Workload

__all__ = ["LanguageModel", "decode", "forward", "passes", "prefill"]

DEFAULT_CONTEXT = 1024


def prefill(model: LanguageModel, batch: int = 1, context: int = DEFAULT_CONTEXT, *, all_logits: bool = False) -> Workload:
    """Return the pass that reads `context` tokens of each sequence and fills the cache.

    Logits are for the last token alone, as servers compute them, or for every token with `all_logits`.
    """
    _check(model, batch, context, context)
    if not model.causal:
        raise ValueError(f"{model.name} is an encoder: it has a forward pass, no prefill")
    span = Span(batch, queries=context, keys=context, causal=True)
    ops = network(model, span, logits=context if all_logits else 1)
    return Workload(model.name, tuple(ops), uncounted=model.uncounted, phase="prefill", batch=batch)


def decode(model: LanguageModel, batch: int = 1, context: int = DEFAULT_CONTEXT) -> Workload:
    """Return the pass that computes one token of each sequence after `context` cached ones."""
    if not model.causal:
        raise ValueError(f"{model.name} is an encoder: it has a forward pass, no decode")
    _check(model, batch, context, context + 1)
    span = Span(batch, queries=1, keys=context + 1, causal=True)
    return Workload(
        model.name, tuple(network(model, span, logits=1)), uncounted=model.uncounted, phase="decode", batch=batch
    )


def forward(model: LanguageModel, batch: int = 1, context: int = DEFAULT_CONTEXT) -> Workload:
    """Return one call of the module on `context` tokens of each sequence, with the logits of every token."""
    _check(model, batch, context, context)
    span = Span(batch, queries=context, keys=context, causal=model.causal)
    ops = network(model, span, logits=context)
    return Workload(model.name, tuple(ops), uncounted=model.uncounted, batch=batch)


def passes(model: LanguageModel, *, batch: int = 1, context: int | None = None, phase: str = "") -> Workload:
    """Return the pass of a phase: "" is decode, or forward for an encoder.

    `context` is 1024 or what the model's position table holds where None.
    """
    phase = phase or ("decode" if model.causal else "forward")
    if context is None:
        context = int(min(DEFAULT_CONTEXT, model.max_context - (phase == "decode")))
    if phase == "training":
        return training(forward(model, batch, context))
    builders = {"prefill": prefill, "decode": decode, "forward": forward}
    if phase not in builders:
        raise ValueError(f"phase must be one of {(*builders, 'training')}, got {phase!r}")
    return builders[phase](model, batch, context)


def _check(model: LanguageModel, batch: int, context: int, positions: int) -> None:
    if batch < 1 or context < 1:
        raise ValueError(f"batch and context must be at least 1, got {batch=}, {context=}")
    if positions > model.max_context:
        raise ValueError(f"{model.name} has positions for {model.max_context} tokens, got {positions}")
