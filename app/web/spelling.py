"""How every page spells precisions, weight/activation[/kv] or a format alone for both, and says them in words."""

from collections.abc import Sequence
from typing import Any

from dash import html

from costmodel.precision import precision


def canonical(spelled: str) -> str:
    """A precision's name, @n:m of a sparse one kept; ValueError where a format is unknown."""
    dense, at, kept = spelled.strip().partition("@")
    return precision(dense).name + at + kept


def words(spelled: str, *, cached: bool = True) -> str:
    """What each operand is held in: "weights int4, activations bf16, KV cache bf16", the last where one is `cached`."""
    dense, _, kept = spelled.partition("@")
    found = precision(dense)
    told = [f"weights {found.weight.name}", f"activations {found.activation.name}"]
    told += [f"KV cache {found.kv_cache.name}"] * cached
    return ", ".join(told + ([f"{kept.replace(':', ' of ')} weights kept"] if kept else []))


def listed(spelled: Sequence[str], *, cached: bool = True) -> Any:
    """Each spelling with its words, or with what is wrong with it."""
    return html.Ul([html.Li(_line(each, cached)) for each in spelled], className="words")


def _line(spelled: str, cached: bool) -> Any:
    try:
        return [html.B(canonical(spelled)), f" {words(spelled, cached=cached)}"]
    except ValueError as error:
        return html.Span(str(error), className="wrong")
