"""Checked access to the fields of a configuration file that no one vouches for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, NoReturn

from costmodel.importers.costless_keys import costs_nothing

MAX_DIMENSION = 100_000_000
MAX_LAYERS = 10_000
MAX_UNCOUNTED = 50


def shortened(value: Any, *, quoted: bool = False) -> str:
    """Return a value on one line, of at most 60 characters; a printable text without quotes unless `quoted`."""
    try:
        text = value if isinstance(value, str) and value.isprintable() and not quoted else repr(value)
    except RecursionError:
        return "a deeply nested value"
    return text if len(text) <= 60 else f"{text[:57]}..."


@dataclass(frozen=True)
class ConfigFields:
    """The key-value pairs of one file; `used` collects the keys that were asked for, `aliases` are their other names.
    Those of an object in the file have the keys of that `within`, which messages tell.

    Each accessor returns `default` where the key is missing or null, and raises ValueError where it is neither of the
    right type nor within bounds, or missing without a default.
    """

    path: str
    values: Mapping[str, Any]
    used: set[str] = field(default_factory=set)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    within: str = ""

    def named(self, **aliases: str) -> "ConfigFields":
        """The same fields where keys have other names too, separated by blanks, the first the one that is expected."""
        return replace(self, aliases={key: tuple(names.split()) for key, names in aliases.items()})

    def value(self, key: str, default: Any = None) -> Any:
        """What the file has for a key, unchecked, or the default where it has none."""
        return self.values.get(self.spelled(key), default)

    def inner(self, key: str, defaults: Mapping[str, Any]) -> "ConfigFields":
        """The fields of an object within the file, and what it has where it leaves something out."""
        values = self._get(key, {})
        if not isinstance(values, dict):
            self.reject(key, "an object")
        return ConfigFields(self.path, {**defaults, **values})

    def part(self, key: str, *, optional: bool = False, **defaults: Any) -> "ConfigFields":
        """The fields of an object within the file, told with its key, and what it has where it leaves something out."""
        values = self._get(key, {} if optional else None)
        if not isinstance(values, dict):
            self.reject(key, "an object")
        return ConfigFields(self.path, {**defaults, **values}, within=f"{self.within}{shortened(key)}.")

    def not_understood(self) -> tuple[str, ...]:
        """Keys that no one asked for, set to something, and not known to cost nothing."""
        left = [
            f"{shortened(key)}={shortened(value)}"
            for key, value in self.values.items()
            if key not in self.used and value not in (None, False, [], {}) and not costs_nothing(key)
        ]
        more = (f"and {len(left) - MAX_UNCOUNTED} keys more",) if len(left) > MAX_UNCOUNTED else ()
        return tuple(left[:MAX_UNCOUNTED]) + more

    def spelled(self, key: str) -> str:
        """The file's name of a key, or the expected one where it has none."""
        names = (*self.aliases.get(key, ()), key)
        return next((name for name in names if name in self.values), names[0])

    def count(self, key: str, default: int | None = None, *, low: int = 1, high: int = MAX_DIMENSION) -> int:
        """An integer within low..high."""
        value = self._get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.reject(key, f"an integer within {low}..{high}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._get(key, default)
        if not isinstance(value, bool):
            self.reject(key, "true or false")
        return value

    def fraction(self, key: str, default: float) -> float:
        """A number within 0..1."""
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or not 0 <= value <= 1:
            self.reject(key, "a number within 0..1")
        return float(value)

    def text(self, key: str, default: str | None = None) -> str:
        """A text of at most 100 printable characters."""
        value = self._get(key, default)
        if not isinstance(value, str) or len(value) > 100 or not value.isprintable():
            self.reject(key, "a short text")
        return value

    def choice(self, key: str, options: Mapping[str, str], default: str | None = None) -> str:
        """What `options` has for a text."""
        value = self.text(key, default)
        if value not in options:
            self.reject(key, f"one of {', '.join(sorted(options))}")
        return options[value]

    def texts(self, key: str, length: int, options: Collection[str]) -> list[str] | None:
        """A list of `length` texts, each among `options`; None where the key is missing or null."""
        value = self._get(key, ())
        if value == ():
            return None
        if not isinstance(value, list) or len(value) != length or any(v not in options for v in value):
            self.reject(key, f"a list of {length} among {', '.join(sorted(options))}")
        return list(value)

    def indices(self, key: str, length: int) -> set[int]:
        """A list of integers within 0..length - 1, empty where the key is missing or null."""
        value = self._get(key, ())
        if value == ():
            return set()
        if not isinstance(value, list) or not all(type(v) is int and 0 <= v < length for v in value):
            self.reject(key, f"a list of integers within 0..{length - 1}")
        return set(value)

    def accept(self, key: str, *harmless: Any) -> None:
        """Count the key as understood where its value is one of `harmless`."""
        key = self.spelled(key)
        value = self.values.get(key)
        if value is not None and any(type(value) is type(v) and value == v for v in harmless):
            self.used.add(key)

    def reject(self, key: str, expected: str) -> NoReturn:
        """Raise the ValueError of a key."""
        key = self.spelled(key)
        found = f"got {shortened(self.values[key], quoted=True)}" if key in self.values else "it is missing"
        raise ValueError(f"{self.path}: {self.within}{shortened(key)} must be {expected}, {found}")

    def _get(self, key: str, default: Any) -> Any:
        key = self.spelled(key)
        self.used.add(key)
        value = self.values.get(key)
        return default if value is None else value
