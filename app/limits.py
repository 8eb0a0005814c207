"""Limits and objectives in a reader's words: latency_s / batch <= 10ms -> latency / batch ≤ 10ms."""

import re

from app.designs import spoken
from app.text import quantity

_PART = re.compile(r"\"[^\"]*\"|'[^']*'|[A-Za-z_][\w.]*|\s*(?:[<>=!]=|[<>*])\s*")
"""What may be said otherwise: quoted text, which is not, names, comparisons and products."""
_SIGNS = {"<=": "≤", ">=": "≥", "!=": "≠", "==": "=", "*": "×"}


def in_words(expression: str) -> str:
    """An expression with its names and signs in words; its numbers, with the units they carry, as they are written."""
    return _PART.sub(lambda part: _said(part[0]), expression)


def _said(part: str) -> str:
    if part[0] in "\"'":
        return part
    sign = part.strip()
    return spoken(part) if sign[0].isalpha() or sign[0] == "_" else f" {_SIGNS.get(sign, sign)} "


def limit(text: str) -> str:
    """A limit in words, a plain number with the unit of what it limits: lut <= 17744 -> LUTs ≤ 17.74 k."""
    metric, sense, number = parts if len(parts := text.split(" ")) == 3 else ("", "", "")
    try:
        return f"{in_words(metric)} {_SIGNS.get(sense, sense)} {quantity(metric, float(number))}"
    except ValueError:
        return in_words(text)
