"""Write YAML: mappings, lists and scalars, strings quoted, as versions 1.1 and 1.2 both read them.

Integers may be keys, as ModelOpt's axes are, which JSON cannot say.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])
"""Keys that YAML 1.1 reads as something else."""
LONGEST_KEY = 1000
"""Characters of a key that may be beside its value: below the 1024 of YAML 1.2.2, section 7.4.2."""


def dump(data: Any) -> str:
    """Return a document of nested mappings, lists, strings, numbers, booleans and None."""
    return "\n".join(_lines(data)) + "\n"


def _lines(data: Any) -> list[str]:
    if isinstance(data, Mapping) and data:
        return [line for key, value in data.items() for line in _entry(_key(key), value)]
    if isinstance(data, list | tuple) and data:
        return [line for value in data for line in _indented("- ", _lines(value))]
    return [_scalar(data)]


def _entry(key: str, value: Any) -> list[str]:
    """The lines of a mapping's entry: one where it is a scalar, else its value indented below; long keys apart."""
    start = [f"? {key}", ":"] if len(key) > LONGEST_KEY else [f"{key}:"]
    if isinstance(value, Mapping | list | tuple) and value:
        return [*start, *_indented("  ", _lines(value))]
    return [*start[:-1], f"{start[-1]} {_scalar(value)}"]


def _indented(start: str, lines: list[str]) -> list[str]:
    return [start + lines[0], *(f"  {line}" for line in lines[1:])]


def _key(key: Any) -> str:
    plain = isinstance(key, str) and PLAIN.fullmatch(key) and key.lower() not in WORDS
    return str(key) if plain else _scalar(key)


def _scalar(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        return "{}" if isinstance(value, Mapping) else "[]"
    if isinstance(value, str):
        return re.sub(r"[^\x20-\x7e]", lambda found: f"\\U{ord(found[0]):08X}", json.dumps(value, ensure_ascii=False))
    text = json.dumps(value)
    return text.replace("e", ".0e") if isinstance(value, float) and "." not in text else text
