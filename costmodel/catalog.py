"""The folder is the registry: find the modules or TOML files of a folder by name."""

import difflib
import importlib
import pkgutil
import re
import tomllib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

MOST_LISTED = 24
"""Names that an error lists."""
MOST_NEAR = 4
"""Names that an error proposes."""
SHORTEST_START = 3
"""Letters by which the start of a name is told."""


class UnknownNameError(ValueError):
    """A name that no entry of a catalog has; the message lists the nearest ones, else what is known or `expected`."""

    def __init__(
        self, kind: str, name: str, known: Iterable[str], *, cutoff: float = 0.5, expected: str | None = None
    ) -> None:
        known = sorted(known)
        self.near = _near(str(name).lower(), known, cutoff)
        more = f" and {len(known) - MOST_LISTED} more" if len(known) > MOST_LISTED else ""
        listed = f"known: {', '.join(known[:MOST_LISTED])}{more}" if known else "none is known"
        hint = f"did you mean {', '.join(self.near)}?" if self.near else expected or listed
        super().__init__(f"unknown {kind} {name!r}; {hint}")


def _near(name: str, known: Sequence[str], cutoff: float) -> list[str]:
    """The nearest names: those that begin as the unknown one does first."""
    longer = [other for other in known if len(name) >= SHORTEST_START and other.startswith(name)]
    return [*dict.fromkeys([*longer, *difflib.get_close_matches(name, known, n=MOST_NEAR, cutoff=cutoff)])][:MOST_NEAR]


class UnmatchedError(UnknownNameError):
    """A glob that no name matches; the message lists names that are like it without its wildcards."""

    def __init__(self, kind: str, pattern: str, names: Sequence[str]) -> None:
        near: list[str] = []
        for part in sorted(re.sub(r"\[[^]]*\]|[*?]+", " ", pattern.lower()).split(), key=len, reverse=True):
            heads = {name[: len(part)]: name for name in reversed(names)}
            near += [heads[head] for head in difflib.get_close_matches(part, heads, n=2, cutoff=0.6)]
        near += difflib.get_close_matches(pattern.lower(), names, n=3, cutoff=0.5)
        shown = ", ".join(list(dict.fromkeys(near))[:4] or names[:4])
        hint = f"did you mean {shown}?" if near else f"the first are {shown}"
        ValueError.__init__(self, f"no {kind} matches {pattern!r}; {hint}")


def require(kind: str, name: str, known: Iterable[str]) -> str:
    """Return `name` if it is known, else raise UnknownNameError."""
    known = list(known)
    if name not in known:
        raise UnknownNameError(kind, name, known)
    return name


def require_keys(path: Path, needed: Iterable[str], given: Collection[str]) -> None:
    """ValueError names the file and every one of the needed keys that it lacks."""
    *first, last = [key for key in needed if key not in given] or [""]
    if last:
        told = f"{', '.join(first)} and {last} are" if first else f"{last} is"
        raise ValueError(f"{path}: {told} missing")


def module_names(package: ModuleType) -> list[str]:
    """The public modules of a package's folder in alphabetical order, none of them imported."""
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


def modules(package: ModuleType) -> dict[str, ModuleType]:
    """Import every public module of a package's folder, by name in alphabetical order."""
    return {name: importlib.import_module(f"{package.__name__}.{name}") for name in module_names(package)}


def toml_files(*folders: Path) -> dict[str, list[Path]]:
    """Return the TOML files of the folders by stem, each name's in the order of the folders."""
    found: dict[str, list[Path]] = {}
    for path in (p for folder in folders if folder.is_dir() for p in sorted(folder.glob("*.toml"))):
        found.setdefault(path.stem, []).append(path)
    return found


def only(paths: Sequence[Path]) -> Path:
    """The one file of a name; ValueError where there are two."""
    if len(paths) > 1:
        raise ValueError(f"{paths[0].stem!r} is defined twice: {paths[0]} and {paths[1]}")
    return paths[0]


def read_toml(path: Path) -> dict[str, Any]:
    """Read one TOML file; ValueError names the file and what is wrong with it."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except RecursionError:
        raise ValueError(f"{path} is not valid TOML: nested too deep") from None
    except ValueError as error:
        raise ValueError(f"{path} is not valid TOML: {error}") from None
