"""What other tools read to quantise a network by a plan: one file a format, found by its name.

`write("torchao", plan, path)` takes the plan of `dse.minimize`, what `bitfront optimize --json` prints, or that file.
"""

from pathlib import Path
from typing import Any

from app.exports import _registry
from app.exports._header import shared
from app.exports._plan import read
from app.exports._source import NeededError, Source, Unread
from costmodel.files import write_atomically


def names() -> list[str]:
    """The targets by name."""
    return list(_registry.targets())


def summaries() -> dict[str, str]:
    """What each target is, in a line."""
    return _registry.summaries()


def schema(target: str) -> str:
    """The tool, and its version, whose schema a target follows."""
    return str(_registry.target(target).TOOL)


def notes(plan: Any) -> list[str]:
    """What whoever reads an export of the plan must know beside it: layers that share their weights, a line each."""
    return shared(read(plan))


def refusals(plan: Any) -> dict[str, str]:
    """Why each target that cannot express a plan, or lacks what it needs, cannot: {target: reason}, others left out.

    Models are not read: what only their weights tell is found when an export is made.
    """
    chosen = read(plan)
    found = {}
    for name, module in _registry.targets().items():
        try:
            module.render(chosen, Unread(chosen.model))
        except ValueError as error:
            found[name] = str(error)
        except NeededError:
            continue
    return found


def write(target: str, plan: Any, path: str | Path, *, model: Any = None, data: Any = None) -> Path:
    """Write a plan for a target to a file, whole or not at all, and return its path.

    plan   a `dse.Plan`, the mapping that `bitfront optimize --json` prints, or the path of such a file
    model  a torch module, or a spelling as torch:module:callable, for targets that need more than names and formats;
           by default the model that the plan names
    data   calibration inputs, (inputs, targets), or module:callable; by default that of the command that solved the
           plan, else what the model's callable returns
    UnknownNameError on an unknown target; ValueError that names the layer and its format where the target cannot
    express it, or what the target needs and lacks.
    """
    content = render(target, plan, model=model, data=data)
    write_atomically(Path(path), content)
    return Path(path)


def render(target: str, plan: Any, *, model: Any = None, data: Any = None) -> str | bytes:
    """Return what `write` writes."""
    module = _registry.target(target)
    chosen = read(plan)
    own = chosen.data or None if model is None else None
    content: str | bytes = module.render(chosen, Source(model or chosen.model, own if data is None else data))
    return content
