"""Which of the zoo's models go together: language models that read and write the same vocabulary."""

from functools import cache

from costmodel import zoo
from costmodel.catalog import require
from costmodel.workload import Workload
from costmodel.workload.serving import LanguageModel, decode

LISTED = 6
"""Models that a refusal names, the smallest first."""


def decoder(name: str, what: str) -> LanguageModel:
    """Return the zoo's model that reads and writes tokens alone; ValueError, which says `what` is, for others."""
    model = zoo.language_model(name)
    if model is None:
        raise ValueError(f"{what} is a language model, {name} is a vision network")
    if model.encoder or not model.causal:
        has = "an encoder" if model.causal else "no decoder"
        raise ValueError(f"{what} reads and writes tokens alone, {name} has {has}")
    return model


def require_decoder(kind: str, name: str) -> None:
    """UnknownNameError with the nearest decoders where the zoo has no such model, else ValueError as of `decoder`."""
    if name in zoo.names():
        decoder(name, f"a {kind}")
        return
    models = ((known, zoo.language_model(known)) for known in zoo.names())
    require(kind, name, [known for known, model in models if model and model.causal and not model.encoder])


def require_vocabulary(small: LanguageModel, base: LanguageModel) -> None:
    """ValueError where a model has another number of tokens in its vocabulary than the one that it stands in for."""
    if small.vocab != base.vocab:
        raise ValueError(f"{small.name} has {small.vocab} tokens in its vocabulary, {base.name} has {base.vocab}")


def require_draft(workload: Workload, name: str) -> None:
    """ValueError, which says what else there is, for a draft of another vocabulary, or larger than a zoo's model.

    Of a network from elsewhere nobody knows here which tokens it reads.
    """
    target = decoder(workload.name, "what is drafted") if workload.name in zoo.names() else None
    if target is None:
        return
    draft = decoder(name, "a draft")
    try:
        require_vocabulary(draft, target)
    except ValueError as error:
        raise ValueError(f"{error}: {_named(target)}") from None
    if params(name) > params(target.name):
        has = f"{params(name):.3g} parameters, {target.name} has {params(target.name):.3g}"
        raise ValueError(f"a draft is smaller than what it drafts for, {name} has {has}: {_named(target)}")


@cache
def params(name: str) -> float:
    """Stored parameters of a zoo's model."""
    return float(sum(op.params for op in decode(decoder(name, "a draft"), 1, 1).ops))


@cache
def _named(target: LanguageModel) -> str:
    """Which drafts there are instead."""
    models = ((name, zoo.language_model(name)) for name in zoo.names())
    same = [
        name for name, model in models if model and model.causal and not model.encoder and model.vocab == target.vocab
    ]
    smaller = sorted((name for name in same if params(name) < params(target.name)), key=params)
    if not smaller:
        return f"the zoo has no smaller model of its vocabulary, {target.name} itself drafts as well"
    return f"name a draft of its vocabulary, {' or '.join(smaller[:LISTED])}"
