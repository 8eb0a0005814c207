"""How every page spells precisions, weight/activation[/kv] or a format alone for both, and says them in words."""

from collections.abc import Sequence
from typing import Any

from dash import html

from costmodel.precision import precision


def canonical(spelled: str) -> str:
    """A precision's name, @n:m of a sparse one kept; ValueError where a format is unknown."""
    dense, at, kept = spelled.strip().partition("@")
    return precision(dense).name + at + kept


def words(spelled: str) -> str:
    """What each operand is held in: "weights int4, activations bf16, KV cache bf16"."""
    dense, _, kept = spelled.partition("@")
    found = precision(dense)
    told = [f"weights {found.weight.name}", f"activations {found.activation.name}", f"KV cache {found.kv_cache.name}"]
    return ", ".join(told + ([f"{kept.replace(':', ' of ')} weights kept"] if kept else []))


def listed(spelled: Sequence[str]) -> Any:
    """Each spelling with its words, or with what is wrong with it."""
    return html.Ul([html.Li(_line(each)) for each in spelled], className="words")


def _line(spelled: str) -> Any:
    try:
        return [html.B(canonical(spelled)), f" {words(spelled)}"]
    except ValueError as error:
        return html.Span(str(error), className="wrong")
