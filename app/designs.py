"""Designs as a reader meets them: those that are one and the same once, under all their names."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.text import LABELS

Design = Mapping[str, Any]


def spoken(name: str) -> str:
    """A design's name with columns in words, and a format of both operands once: lut of int3/int3 -> LUTs of int3."""
    return " ".join(_spoken(word) for word in name.split(" "))


def _spoken(word: str) -> str:
    words = LABELS.get(word.removeprefix("device."), "")
    if words:
        named = any(letter.isupper() or letter.isdigit() for letter in words.partition(" ")[0][1:])
        return words if named else words[0].lower() + words[1:]
    weight, slash, activation = word.partition("/")
    return weight if slash and weight == activation and weight else word


def same(one: Design, other: Design) -> bool:
    """Whether two designs give every layer the same format."""
    return one is other or ("assignment" in one and one["assignment"] == other.get("assignment"))


def also_called(design: Design, designs: Sequence[Design]) -> str:
    """The names of all designs that are the same as this one, its own first."""
    others = [d["name"] for d in designs if d["name"] != design["name"] and same(design, d)]
    return " = ".join(spoken(name) for name in (design["name"], *others))


def distinct(designs: Sequence[Design]) -> list[Design]:
    """The designs in order, each once however many names it has."""
    kept: list[Design] = []
    for design in designs:
        if not any(same(design, other) for other in kept):
            kept.append(design)
    return kept
