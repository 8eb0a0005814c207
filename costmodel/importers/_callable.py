"""Call what a user spells as module:callable."""

import importlib
import sys
from typing import Any


def call(target: str) -> Any:
    """Import `module` with the current directory importable, and return what its `callable` returns.

    ValueError in one line where the spelling is another, there is no such module or callable, or either fails.
    """
    module_name, colon, name = target.partition(":")
    if not (colon and module_name and name):
        raise ValueError(f"a torch model is spelled torch:module:callable, got torch:{target}")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found = importlib.import_module(module_name)
    except Exception as error:
        raise ValueError(f"cannot import {module_name!r}: {first_line(error)}") from None
    build = getattr(found, name, None)
    if not callable(build):
        names = sorted(n for n, v in vars(found).items() if callable(v) and not n.startswith("_"))
        raise ValueError(f"{module_name} has no callable {name!r}; it has {', '.join(names[:12]) or 'none'}")
    try:
        built = build()
    except Exception as error:
        raise ValueError(f"{target}() failed: {first_line(error)}") from None
    return built


def first_line(error: Exception) -> str:
    """An error's class and the first line of what it says."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0].strip()}" if text else type(error).__name__
