"""Strategies: frozen records that turn a Workload into another one; one paper a file, the folder is the registry.

`cm.strategies.NMSparsity` is the class of nm_sparsity.py; `strategy("nm_sparsity:n=2,m=4")` the same spelled as text.
"""

from typing import Any

from costmodel.strategies._named import classes, names, strategy
from costmodel.strategies._then import Then, compose

__all__ = ["Then", "compose", "names", "strategy"]


def __getattr__(name: str) -> Any:
    """The strategy class of that name, wherever in the folder it is."""
    if name.startswith("_"):
        raise AttributeError(name)
    found = {cls.__name__: cls for cls in classes().values()}
    if name not in found:
        raise AttributeError(f"no strategy is called {name}; there are {', '.join(sorted(found))}")
    return found[name]
