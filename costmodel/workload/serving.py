"""The passes of serving a language model: encode, prefill, decode, and a plain forward."""

from dataclasses import replace

from costmodel.workload.language_model import Encoder, LanguageModel, TextEncoder
from costmodel.workload.op import Op
from costmodel.workload.training import training
from costmodel.workload.transformer.network import network
from costmodel.workload.transformer.span import Span
from costmodel.workload.workload import PHASES, Workload

__all__ = ["LanguageModel", "decode", "encode", "forward", "passes", "prefill"]

DEFAULT_CONTEXT = 1024


def prefill(
    model: LanguageModel, batch: int = 1, context: int = DEFAULT_CONTEXT, *, all_logits: bool = False
) -> Workload:
    """Return the pass that reads `context` tokens of each sequence and fills the cache.

    Logits are for the last token alone, as servers compute them, or for every token with `all_logits`. An
    encoder-decoder runs its encoder here. ValueError for an encoder, a batch or context below 1, or a context beyond
    the model's positions.
    """
    _require_causal(model, "prefill")
    return _pass(model, batch, queries=context, keys=context, logits=context if all_logits else 1, phase="prefill")


def decode(model: LanguageModel, batch: int = 1, context: int = DEFAULT_CONTEXT) -> Workload:
    """Return the pass that computes one token of each sequence after `context` cached ones, attending to context + 1.

    An encoder-decoder's encoder, and its keys and values, are of the prefill: their weights are not in this workload.
    ValueError for an encoder and for a model without a head.
    """
    _require_causal(model, "decode")
    if not model.head:
        raise ValueError(f"{model.name} has no head that writes tokens: its phase is forward, prefill or training")
    return _pass(model, batch, queries=1, keys=context + 1, logits=1, phase="decode")


def encode(model: LanguageModel, batch: int = 1) -> Workload:
    """Return the pass of an encoder-decoder's encoder, with the decoder's keys and values of its outputs.

    It is the part of a prefill that decoding never runs again; a prefill's other ops are the decoder's on the prompt.
    ValueError for a model without an encoder of its own.
    """
    if not model.encoder:
        raise ValueError(f"{model.name} has no encoder beside its decoder: its phases are those of one stack")
    whole, memory = prefill(model, batch, 1), model.encoder.names.final_norm
    last = [op.name for op in whole.ops].index(memory)
    cached = [op for op in whole.ops if memory in op.inputs]
    ops = (*whole.ops[: last + 1], *cached)
    return replace(
        whole,
        ops=ops,
        stated=model.checkpoint.stated(ops, model.results) if model.checkpoint else (),
        outputs=tuple(op.name for op in cached),
        phase="encode",
        context=0,
        covers=f"{_encoder(model)}; {_answer(model)} is this and one decode a token",
    )


def forward(model: LanguageModel, batch: int = 1, context: int = DEFAULT_CONTEXT) -> Workload:
    """Return one call of the network on `context` tokens of each sequence, with the logits of every token."""
    return _pass(model, batch, queries=context, keys=context, logits=context, phase="forward")


def passes(model: LanguageModel, *, batch: int = 1, context: int | None = None, phase: str = "") -> Workload:
    """Return the pass of a phase, a member of PHASES; "" is decode, or forward for what writes no tokens.

    Where `context` is None it is 1024, or as many tokens as the model has positions for; an encode has none.
    """
    phase = phase or ("decode" if model.causal and model.head else "forward")
    builders = {"prefill": prefill, "decode": decode, "forward": forward}
    if phase not in PHASES:
        raise ValueError(f"phase must be one of {', '.join(PHASES)}, got {phase!r}")
    if phase == "encode":
        if context is not None:
            raise ValueError(f"an encode reads no tokens, so it takes no context, got {context}")
        return encode(model, batch)
    if context is None:
        context = int(min(DEFAULT_CONTEXT, model.max_context - (phase == "decode")))
    if phase == "training":
        return training(forward(model, batch, context))
    return builders[phase](model, batch, context)


def _require_causal(model: LanguageModel, phase: str) -> None:
    if not isinstance(model, LanguageModel):
        wanted = "a LanguageModel, as cm.zoo.llama('3.1-8b') gives"
        raise TypeError(f"{phase} takes {wanted}, got a {type(model).__name__}")
    if not model.causal:
        raise ValueError(f"{model.name} is an encoder: its phase is forward or training, got {phase!r}")


def _pass(model: LanguageModel, batch: int, *, queries: int, keys: int, logits: int, phase: str) -> Workload:
    context = keys - (phase == "decode")
    if batch < 1 or context < 1:
        raise ValueError(f"batch and context must be at least 1, got {batch=}, {context=}")
    for name, value in (("batch", batch), ("context", context)):
        if value != value // 1:
            raise ValueError(f"{name} must be an integer, got {value}")
    if keys > model.max_context:
        raise ValueError(
            f"{model.name} has positions for {model.max_context} tokens, a {phase} of {context} needs {keys}"
        )
    span = Span(batch, queries=queries, keys=keys, causal=model.causal, caches=phase != "forward")
    ops = network(model, span, logits=logits)
    return Workload(
        model.name,
        tuple(ops),
        outputs=_outputs(model, ops),
        uncounted=model.uncounted,
        phase=phase,
        batch=batch,
        covers=_covers(model, batch, context, phase),
        context=int(context),
        heard=model.encoder.positions if phase == "decode" and isinstance(model.encoder, Encoder) else 0,
        stated=model.checkpoint.stated(ops, model.results) if model.checkpoint else (),
    )


def _covers(model: LanguageModel, batch: int, context: int, phase: str) -> str:
    """What a pass runs, in words."""
    sequences = f"{batch} sequences" if batch > 1 else "one sequence"
    text = {
        "decode": f"one token of {sequences} after {context} cached",
        "prefill": f"a prompt of {context} tokens of {sequences}, logits of the last",
        "forward": f"{context} tokens of {sequences}" + ", logits of all" * model.head,
    }[phase]
    if not model.encoder:
        return text
    if phase == "decode":
        return (
            f"{text}, the decoder alone; {_answer(model)} is one of these a token after phase encode, {_encoder(model)}"
        )
    return f"{_encoder(model)}, then the decoder on {text}"


def _encoder(model: LanguageModel) -> str:
    positions = model.encoder.positions if model.encoder else 0
    return f"the encoder on {positions} positions and the decoder's keys and values of them"


def _answer(model: LanguageModel) -> str:
    return "a text" if isinstance(model.encoder, TextEncoder) else "a transcription"


def _outputs(model: LanguageModel, ops: list[Op]) -> tuple[str, ...]:
    if model.classifier:
        return model.results
    if not model.pooler:
        return (ops[-1].name,)
    return tuple(ops[i].name for i in (-3, -1))
