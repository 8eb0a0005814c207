"""Strategies by name: the file's name, and the fields of its class."""

import ast
import sys
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from math import isnan
from types import ModuleType
from typing import Any, get_args, get_origin

from costmodel.catalog import modules, require
from costmodel.strategies._then import Strategy, compose

NONE = "none"
"""The strategy that leaves a workload as it is."""


@cache
def classes() -> dict[str, Any]:
    """The strategy class of each file that has one, by the file's name; a file may hold formulas and claims alone."""
    folder = modules(sys.modules[__name__.rpartition(".")[0]])
    return {name: cls for name, module in folder.items() if (cls := _class(module)) is not None}


def names() -> tuple[str, ...]:
    """Names of the strategies in alphabetical order."""
    return tuple(classes())


def strategy(spelled: Any) -> Strategy:
    """Return a strategy from its spelling.

    "nm_sparsity:n=2,m=4", or a table {"name": "nm_sparsity", "n": 2, "m": 4}; a list of those, or "a + b", is the one
    after the other, "none" leaves a workload as it is. ValueError names what is missing, unknown or refused.
    """
    if isinstance(spelled, str):
        parts = [_table(_told(part.strip(), spelled)) for part in spelled.split("+")]
    else:
        listed = [spelled] if isinstance(spelled, Mapping) else list(spelled)
        parts = [_table(part) if isinstance(part, str) else dict(part) for part in listed]
    found = [step for part in parts if (step := _build(part)) is not None]
    return found[0] if len(found) == 1 else compose(*found)


def spelled(step: Strategy) -> str:
    """Return the spelling of a strategy as text, fields that have their defaults left out; `strategy` reads it back."""
    known: Any = step
    name = type(step).__module__.rpartition(".")[2]
    given = ((f.name, getattr(known, f.name)) for f in fields(known) if f.init and getattr(known, f.name) != f.default)
    told = ",".join(f"{key}={as_text(value)}" for key, value in given)
    return f"{name}:{told}" if told else name


def examples() -> tuple[str, ...]:
    """The spelling of "none" and of each strategy's first example."""
    return (NONE, *map(example, classes().values()))


def example(cls: Any) -> str:
    """The spelling of the first example of a strategy's file."""
    return spelled(sys.modules[cls.__module__].EXAMPLES[0])


def as_text(value: Any) -> str:
    """A value of a field as it is spelled."""
    if isinstance(value, list | tuple):
        return ";".join(map(as_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _build(table: dict[str, Any]) -> Strategy | None:
    given = dict(table)
    name = given.pop("name")
    if name == NONE:
        if given:
            raise ValueError(f"strategy {NONE} has no fields, got {', '.join(given)}")
        return None
    cls = classes()[require("strategy", name, [NONE, *names()])]
    known = _kinds(name)
    for key in given:
        require(f"field of strategy {name}", key, known)
    missing = [f.name for f in fields(cls) if f.init and f.default is MISSING and f.name not in given]
    if missing:
        raise ValueError(f"strategy {name} needs {' and '.join(missing)}, as {example(cls)}")
    try:
        built: Strategy = cls(**{key: _checked(key, _several(v, known[key]), known[key]) for key, v in given.items()})
    except (TypeError, ValueError) as error:
        raise ValueError(f"strategy {name}: {error}") from None
    return built


def _told(part: str, whole: str) -> str:
    """A step of a spelling; ValueError where there is none."""
    if not part:
        where = f" beside a + of {whole!r}" if "+" in whole else f", got {whole!r}"
        raise ValueError(f"a strategy is needed{where}; {NONE} leaves a network as it is")
    return part


def _table(text: str) -> dict[str, Any]:
    """Read "name:key=value,key=value"; a value is a number, true, false, or text, of several ";" stands between.

    Where a field takes text, as the names of layers, "2" is text.
    """
    name, _, rest = text.partition(":")
    kinds = _kinds(name)
    table: dict[str, Any] = {"name": name}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"a strategy is spelled name:key=value,key=value, got {text!r}")
        if key.strip() in table:
            raise ValueError(f"{key.strip()} is given twice in strategy {text!r}")
        table[key.strip()] = value.strip() if _is_text(kinds.get(key.strip())) else _value(value.strip())
    return table


def _value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, int | float) else text


def _kinds(name: str) -> dict[str, Any]:
    """The types of the fields of a strategy by their names, none of an unknown one."""
    cls = classes().get(name)
    return {} if cls is None else {field.name: field.type for field in fields(cls) if field.init}


def _is_text(kind: Any) -> bool:
    return kind is str or str in get_args(kind)


def _several(value: Any, kind: Any) -> Any:
    """The value as a field of that type takes it: one with several values gets a tuple."""
    if get_origin(kind) is not tuple:
        return value
    if isinstance(value, str):
        return tuple(part if _is_text(kind) else _value(part) for part in value.split(";") if value)
    return tuple(value) if isinstance(value, list | tuple) else (value,)


MOST = 10**9
"""Counts beyond it are taken for slips of the keyboard, as batches are."""

EXPECTED = {int: "a whole number", float: "a number", bool: "true or false"}
"""What a field of a type takes, in words."""


def _checked(key: str, value: Any, kind: Any) -> Any:
    """The value if a field of that type takes it; ValueError with the value and what was expected."""
    if get_origin(kind) is tuple:
        return tuple(_checked(key, part, get_args(kind)[0]) for part in value)
    if kind is str:
        return as_text(value)
    if kind not in EXPECTED:
        return value
    numeric = isinstance(value, int | float) and not isinstance(value, bool) and not isnan(value)
    if numeric and kind is int and value > MOST:
        raise ValueError(f"{key} must be at most {MOST}, got {value!r}")
    fits = {int: numeric and value == value // 1, float: numeric, bool: isinstance(value, bool)}[kind]
    if not fits:
        raise ValueError(f"{key} must be {EXPECTED[kind]}, got {value!r}")
    return int(value) if kind is int else value


def _class(module: ModuleType) -> Any:
    """The one dataclass of a file that is called with a workload, None where it has none."""
    own = [v for v in vars(module).values() if isinstance(v, type) and v.__module__ == module.__name__]
    found = [cls for cls in own if is_dataclass(cls) and any("__call__" in vars(base) for base in cls.__mro__)]
    if len(found) > 1:
        raise ValueError(f"{module.__name__} has {len(found)} dataclasses Workload -> Workload, one a file is meant")
    return found[0] if found else None
