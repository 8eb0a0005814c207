"""Call what a user spells as module:callable."""

import importlib
import sys
from typing import Any

from costmodel.catalog import UnknownNameError

MISMATCHED = "; torchvision is built for another torch than this one: install both from one index, or neither"


def call(target: str, what: str = "a torch model is spelled torch:") -> Any:
    """Import `module` with the current directory importable, and return what its `callable` returns.

    ValueError in one line where the spelling is another, as `what` says, there is no such module or callable, or either
    fails or exits.
    """
    module_name, colon, name = target.partition(":")
    if not (colon and module_name and name):
        raise ValueError(f"{what}module:callable, got {target!r}")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise ValueError(f"cannot import {module_name!r}: {_why(error)}") from None
    build = getattr(found, name, None)
    if not callable(build):
        names = [n for n, v in vars(found).items() if callable(v) and not n.startswith("_")]
        raise UnknownNameError(f"callable of {module_name}", name, names)
    try:
        built = build()
    except (Exception, SystemExit) as error:
        raise ValueError(f"{target}() failed: {_why(error)}") from None
    return built


def _why(error: BaseException) -> str:
    """The first line of an error and of the first cause behind it, and what helps where a cause is known for it."""
    chain = [error]
    while (cause := chain[-1].__cause__) is not None and cause not in chain:
        chain.append(cause)
    told = first_line(error) + f" ({first_line(chain[-1])})" * (len(chain) > 1)
    return told + MISMATCHED * ("operator torchvision::" in str(chain[-1]))


def first_line(error: BaseException) -> str:
    """An error's class and the first line of what it says."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0].strip()}" if text else type(error).__name__
