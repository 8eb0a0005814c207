"""The state of a page is its URL's query: plain strings by name, so that a copied link opens the same view."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlencode

from costmodel.catalog import require

State = Mapping[str, str]

LONGEST = 60_000
"""Characters of a query that are read: a plan of a thousand layers fits."""


def parse(search: object) -> dict[str, str]:
    """Read "?a=b&c=d"; ValueError where it is too long or no text."""
    if not isinstance(search, str | None) or len(search or "") > LONGEST:
        raise ValueError(f"a link's query is text of at most {LONGEST} characters")
    return dict(parse_qsl((search or "").lstrip("?"), keep_blank_values=False))


def encode(state: Mapping[str, object]) -> str:
    """Return "?a=b&c=d" with what is not empty, lists joined by commas, in the order given."""
    plain = {name: text(value) for name, value in state.items()}
    return "?" + urlencode({name: value for name, value in plain.items() if value}, safe=",:/@")


def text(value: object) -> str:
    """A value of a control as it stands in a query."""
    if value is None or value is False:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ",".join(text(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


@contextmanager
def named(name: str) -> Iterator[None]:
    """Say which field a ValueError is of."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def require_fields(state: State, known: Iterable[str]) -> None:
    """UnknownNameError where a link names a field that its page does not have."""
    for name in state:
        require("field of this page's links", name, known)


def require_applied(given: State, fields: Iterable[str], linked: Mapping[str, str], what: str) -> None:
    """ValueError where a link gives one of these fields a value that `linked`, what was read of it, does not have."""
    for name in fields:
        if given.get(name) and name not in linked:
            raise ValueError(f"{name} does not apply to {what}: leave it out, got {given[name][:40]!r}")


def chosen(state: State, name: str, known: Iterable[str], default: str) -> str:
    """The value of a name, by default another; UnknownNameError where it is none of the known."""
    value = state.get(name, "")
    return require(name, value, known) if value else default


def several(state: State, name: str, known: Iterable[str], default: Iterable[str]) -> list[str]:
    """The values of a comma-separated name, in order and once each, by default others; UnknownNameError as `chosen`."""
    known = list(known)
    return [require(name, part, known) for part in parts(state, name)] or list(default)


def parts(state: State, name: str) -> list[str]:
    """The parts of a comma-separated name, in order and once each."""
    return list(dict.fromkeys(part.strip() for part in state.get(name, "").split(",") if part.strip()))


def whole_numbers(state: State, name: str, default: Iterable[int], most: int = 10**6) -> list[int]:
    """Whole numbers of 1..most in a comma-separated name, once each, by default others; ValueError in one line."""
    found = [whole_number(part, name, most, several=True) for part in parts(state, name)]
    return list(dict.fromkeys(found)) or list(default)


def number(state: State, name: str, most: int = 10**6) -> int:
    """The whole number of 1..most of a name, 0 where it is left out; ValueError in one line, of several too."""
    given = state.get(name, "").strip()
    return whole_number(given, name, most) if given else 0


def whole_number(text: str, name: str, most: int = 10**6, *, several: bool = False) -> int:
    """A whole number of 1..most; ValueError names the field and the value, and that it may hold `several`."""
    plain = text.strip()
    if not (plain.isascii() and plain.isdigit() and 1 <= int(plain[:12]) <= most):
        numbers = "whole numbers separated by commas, each" if several else "a whole number"
        raise ValueError(f"{name} must be {numbers} of 1 to {most:,}, got {text[:40]!r}")
    return int(plain)
