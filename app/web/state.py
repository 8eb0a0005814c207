"""The state of a page is its URL's query: plain strings by name, so that a copied link opens the same view."""

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlencode

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


def chosen(state: State, name: str, known: Iterable[str], default: str) -> str:
    """The value of a name if it is known, else the default."""
    value = state.get(name, default)
    return value if value in set(known) else default


def several(state: State, name: str, known: Iterable[str], default: Iterable[str]) -> list[str]:
    """The known values of a comma-separated name, in order and once each; the default where none is."""
    allowed = set(known)
    found = [part for part in dict.fromkeys(state.get(name, "").split(",")) if part in allowed]
    return found or list(default)


def whole_numbers(state: State, name: str, default: Iterable[int], most: int = 10**6) -> list[int]:
    """Whole numbers of 1..most in a comma-separated name; the default where there is none."""
    parts = [part.strip() for part in state.get(name, "").split(",")]
    found = [int(part) for part in parts if part.isascii() and part.isdigit() and 1 <= int(part[:12]) <= most]
    return list(dict.fromkeys(found)) or list(default)
