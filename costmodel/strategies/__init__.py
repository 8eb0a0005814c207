"""Strategies: frozen records that turn a Workload into another one; one paper a file, the folder is the registry.

`cm.strategies.NMSparsity` is the class of nm_sparsity.py; `strategy("nm_sparsity:n=2,m=4")` the same spelled as text.

A strategy may say more of itself: `prunes`, parameters never rise; `reshapes`, the network to be trained is another, of
other widths or depth; `alike`, ops that differ in name and inputs alone are edited alike and one to one, so that a
sweep edits one of each; `alone`, the same on one GPU; `shares_layers`, a GPU has a part of the network; `schedules`, it
says what a training does over its steps; `pads`, it counts the padding of a batch; `unreached`, why no device takes the
time that it gives, "" where one does. One that runs several passes for a token has `passes`, `runs`, `rounds` (None
where it changes nothing) and `scored`, as speculative_decoding.py does. A field `trace` names a file: spaces hash it,
pages refuse it.
"""

from typing import Any

from costmodel.strategies._described import described
from costmodel.strategies._idle import idle, left_dense, unreached
from costmodel.strategies._named import classes, examples, names, spelled, strategy
from costmodel.strategies._then import Then, compose

__all__ = [
    "Then",
    "compose",
    "described",
    "examples",
    "idle",
    "left_dense",
    "names",
    "spelled",
    "strategy",
    "unreached",
]


def __getattr__(name: str) -> Any:
    """The strategy class of that name, wherever in the folder it is."""
    if name.startswith("_"):
        raise AttributeError(name)
    found = {cls.__name__: cls for cls in classes().values()}
    if name not in found:
        raise AttributeError(f"no strategy is called {name}; there are {', '.join(sorted(found))}")
    return found[name]
