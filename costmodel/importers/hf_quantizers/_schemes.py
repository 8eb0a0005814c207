"""What configurations of several quantisers have in common."""

import re
from collections.abc import Sequence
from typing import Any

from costmodel.importers.config_fields import ConfigFields, shortened
from costmodel.workload.checkpoint import Checkpoint

Found = tuple[Checkpoint, tuple[str, ...]]
"""What a configuration says, and what formats do not hold of it."""
SKIPPED = "modules_to_not_convert"
EXPERTS = r"\.experts\.\w+$"
"""The name of a layer's experts, of which the part before the last is the module."""
MOST_GROUP = 10**6
MOST_STARS, LONGEST = 3, 100
"""Of a pattern that is searched for in names."""


class NotReadError(Exception):
    """A scheme that is not read, by the settings that are why."""


def unread(config: ConfigFields, *keys: str) -> NotReadError:
    """The error of a scheme with these settings, those that the configuration has."""
    given = [f"{key}={shortened(config.values[key])}" for key in keys if config.values.get(key) is not None]
    return NotReadError(", ".join(given) or f"no {keys[0]}")


def spelled(weight: str, wide: str, activation: str = "", kv_cache: str = "") -> str:
    """The precision of layers whose results are in the format `wide`, as their activations are unless told."""
    cache = f"/{kv_cache}" if kv_cache else ""
    return f"{weight}/{activation}{cache}>{wide}" if activation not in ("", wide) else f"{weight}/{wide}{cache}"


def rest(wide: str, kv_cache: str = "") -> str:
    """The precision of all that is not quantised."""
    return f"{wide}/{wide}/{kv_cache}" if kv_cache else wide


def weights(config: ConfigFields, wide: str, fmt: str, activation: str = "", *, skipped: str = SKIPPED) -> Checkpoint:
    """Linear layers in a format but for those in the list `skipped`, without one the last, as transformers does."""
    listed = isinstance(config.values.get(skipped), list)
    return Checkpoint(spelled(fmt, wide, activation), wide, left(config, skipped), results=listed)


def grouped(config: ConfigFields, size: int | None, *, bits: str = "bits", low: int = 2) -> str:
    """Integers of the bits that a configuration has, in groups of a size, None for a scale a row."""
    width = config.count(bits, low=low, high=8)
    if width < 2:
        raise unread(config, bits)
    return f"int{width}" + (f"_g{size}" if size else "")


def group(config: ConfigFields, default: int | None, key: str = "group_size") -> int | None:
    """The weights that share a scale, None where a row of them does: -1."""
    value = config.value(key, default)
    if value in (None, -1) and not isinstance(value, bool):
        return default if value is None else None
    if type(value) is not int or not 1 <= value <= MOST_GROUP:
        config.reject(key, f"-1 or an integer within 1..{MOST_GROUP}")
    return value


def zero_points(bits: int) -> tuple[str, ...]:
    """That groups have zero points."""
    return (f"zero points of {bits} bits a group of weights",)


def texts(config: ConfigFields, key: str) -> list[str]:
    """A list of texts, empty where there is none."""
    names = config.value(key)
    if names is None:
        return []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        config.reject(key, "a list of names")
    return list(names)


def left(config: ConfigFields, key: str = SKIPPED) -> tuple[str, ...]:
    """Patterns of the layers that a list leaves as they are, as transformers matches it to modules: expressions up to
    the end of a part of a name, from its start, or a name's last characters. Experts are one module with two weights.
    """
    found: list[str] = []
    for name in texts(config, key):
        plain, last = expression(name), re.escape(name)
        found.append(rf"^(?:{plain})(?:(?<=\.)|(?=\.|$))")
        found.append(rf"^(?:(?!.*{EXPERTS}).*{last}|.*{last}(?<=\.experts)\.\w+)$")
    return tuple(found)


def paths(config: ConfigFields, key: str) -> tuple[str, ...]:
    """Patterns of whole parts of layers' dotted names, those in a list."""
    return parts(texts(config, key))


def parts(names: Sequence[str]) -> tuple[str, ...]:
    """Patterns of whole parts of layers' dotted names."""
    return tuple(rf"(^|\.){re.escape(name)}(\.|$)" for name in names)


def wildcards(config: ConfigFields, key: str) -> tuple[str, ...]:
    """Patterns of whole names with stars, or of whole parts of names without."""
    names = texts(config, key)
    starred = [name for name in names if "*" in name]
    if any(name.count("*") > MOST_STARS or len(name) > LONGEST for name in starred):
        raise NotReadError(f"the layers {shortened(names)}")
    whole = tuple(f"^{'.*'.join(map(re.escape, name.split('*')))}$" for name in starred)
    return parts([name for name in names if name not in starred]) + whole


def expression(pattern: str) -> str:
    """A plain regular expression, which is matched from a name's start."""
    short = pattern.count("*") <= MOST_STARS and len(pattern) <= LONGEST
    plain = re.fullmatch(r"[\w.*\\^$-]+" if short else r"[\w.-]+", pattern)
    try:
        re.compile(pattern)
    except re.error:
        plain = None
    if not plain:
        raise NotReadError(f"the expression {shortened(pattern)}")
    return pattern if pattern.startswith("^") else f"^{pattern}"


def must_be(config: ConfigFields, key: str, default: Any, *values: Any) -> None:
    """NotReadError where a setting is none of these."""
    if config.value(key, default) not in values:
        raise unread(config, key)
