"""What each strategy takes and does, in words: from its own fields and docstrings."""

import sys
from dataclasses import MISSING, dataclass, fields
from inspect import getdoc
from typing import Any, get_args

from costmodel.catalog import require
from costmodel.strategies._named import EXPECTED, as_text, classes, example, names

SEVERAL = "several of these, ; between"


@dataclass(frozen=True)
class Field:
    """A field of a strategy: `takes` in words, `default` as it is spelled, None where it must be given."""

    name: str
    takes: str
    default: str | None

    @property
    def spelled(self) -> str:
        """The field, with its default where it has one that is not empty."""
        return f"{self.name}={self.default}" if self.default else self.name


@dataclass(frozen=True)
class Description:
    """A strategy by name: its `fields`, an `example` of its spelling, what it `does` in a line, `more` and `source`."""

    name: str
    fields: tuple[Field, ...]
    example: str
    does: str
    more: str
    source: str


def described(name: str) -> Description:
    """Return what a strategy takes and does; UnknownNameError lists near names."""
    cls = classes()[require("strategy", name, names())]
    does, _, more = (getdoc(cls) or "").partition("\n")
    source = (sys.modules[cls.__module__].__doc__ or "").strip()
    taken = tuple(_field(field) for field in fields(cls) if field.init)
    return Description(name, taken, example(cls), does, more.strip(), source)


def _field(field: Any) -> Field:
    parts = get_args(field.type)
    takes = EXPECTED.get(parts[0] if parts else field.type, "text")
    default = None if field.default is MISSING else as_text(field.default)
    return Field(field.name, f"{takes}, or {SEVERAL}" if parts else takes, default)
