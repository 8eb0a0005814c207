"""Calibration data of many kinds as (inputs, targets): tensors, arrays, keyword arguments, data sets and loaders."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dse.sensitivity.calls import Inputs, take, tensors

if TYPE_CHECKING:
    import torch

MOST = 1024
"""Examples taken of a data set or loader, unless told (a judgement)."""
TARGETS = ("labels", "label", "label_ids", "targets", "target")
"""Names of targets among keyword arguments."""
WANTED = (
    "(inputs, targets) in tensors or arrays, inputs alone, a mapping of keyword arguments, a data set, or a loader of "
    "such batches"
)


class Examples(NamedTuple):
    """Inputs and targets, None where there are none; `told` is which examples were taken, where not all."""

    inputs: Inputs
    targets: "torch.Tensor | None"
    told: str = ""


def gathered(data: Any, name: str = "data", most: int = MOST) -> Examples:
    """Return data as tensors of all examples.

    data  tensors or NumPy arrays whose first axis counts examples: (inputs, targets), inputs a tuple where a module
          takes several arguments; inputs alone; a mapping of keyword arguments, which may hold TARGETS; a torch data
          set of single examples; a DataLoader, iterator or list of batches, each of one of these
    most  examples taken of data sets, evenly spaced, and of loaders, the first (shuffled ones with seed 0)
    Arrays of float64 become torch's default type. ValueError where data is none of these, lengths differ, or a value is
    nan.
    """
    found = _gathered(data, name, most)
    parts = (*tensors(found.inputs), *(() if found.targets is None else (found.targets,)))
    if not all(part.ndim for part in parts):
        raise ValueError(f"{name} must have an axis of examples, got {_kind(data)}")
    if found.targets is not None and len(tensors(found.inputs)[0]) != len(found.targets):
        raise ValueError(
            f"{name} has {len(parts[0])} inputs and {len(found.targets)} targets; each input needs its target"
        )
    if len({len(part) for part in parts}) > 1 or not len(parts[0]):
        raise ValueError(f"{name} must have as many examples in each tensor, at least 1, got {[len(p) for p in parts]}")
    for part in parts:
        if unknown := int(part.isnan().reshape(len(part), -1).any(dim=1).sum()):
            raise ValueError(f"{name} must be numbers, got nan in {unknown} of {len(part)} examples")
    return found


def _gathered(data: Any, name: str, most: int) -> Examples:
    from torch.utils.data import DataLoader, Dataset, IterableDataset

    if isinstance(data, DataLoader) and data.batch_size is None and data.batch_sampler is None:
        return _joined(islice(data, most), name, f"on the first {most} examples of a loader at most", stack=True)
    if isinstance(data, DataLoader | Iterator):
        return _batches(data, name, most)
    if isinstance(data, IterableDataset):
        return _joined(islice(data, most), name, f"on the first {most} examples of a data set at most", stack=True)
    listed = isinstance(data, list) and data and all(isinstance(item, tuple | list | Mapping) for item in data)
    if listed or isinstance(data, Dataset) or _is_data_set(data):
        return _batches(iter(data), name, most) if listed and _are_batches(data[0], name) else _spread(data, name, most)
    return Examples(*_item(data, name))


def _is_data_set(data: Any) -> bool:
    """Whether it is one by its methods, as those of Hugging Face's datasets are."""
    plain = isinstance(data, Mapping | Sequence) or hasattr(data, "ndim")
    return not plain and hasattr(data, "__getitem__") and hasattr(data, "__len__")


def _spread(data: Any, name: str, most: int) -> Examples:
    """Single examples by index, evenly spaced."""
    count = len(data)
    taken = np.arange(min(most, count)) * count // min(most, count) if count else np.arange(0)
    told = f"on {most} of {count} examples, evenly spaced" if count > most else ""
    return _joined((data[int(i)] for i in taken), name, told, stack=True)


def _batches(data: Iterable[Any], name: str, most: int) -> Examples:
    """The first examples of batches, in the order that seed 0 gives a loader that shuffles."""
    import torch

    found, count = [], 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for batch in data:
            found.append(batch)
            inputs, _ = _item(batch, name)
            count += len(tensors(inputs)[0])
            if count >= most:
                break
    told = f"on the first {most} examples of a loader" if count >= most else ""
    whole = _joined(found, name, told, stack=False)
    rows = slice(most)
    return Examples(take(whole.inputs, rows), None if whole.targets is None else whole.targets[rows], told)


def _joined(items: Iterable[Any], name: str, told: str, *, stack: bool) -> Examples:
    import torch

    join = torch.stack if stack else torch.cat
    found = [_item(item, name) for item in items]
    if not found:
        raise ValueError(f"{name} must have at least 1 example, got none")
    named = [item for item, _ in found if isinstance(item, Mapping)]
    names = [str(key) for key in named[0]] if named else []
    wanted = [target for _, target in found if target is not None]
    try:
        rows = [tuple(item[key] for key in names) for item in named] or [tensors(item) for item, _ in found]
        columns = [join(column) for column in zip(*rows, strict=True)]
        inputs: Inputs = dict(zip(names, columns, strict=True)) if named else tuple(columns)
        targets = join(wanted) if wanted else None
    except (RuntimeError, ValueError, KeyError):
        raise ValueError(f"{name} must have examples of one shape: pad sequences to one length") from None
    return Examples(inputs, targets, told)


def _are_batches(item: Any, name: str) -> bool:
    """Whether the first of a list is a batch, by an axis that all its tensors have in common; else one example."""
    inputs, target = _item(item, name)
    parts = (*tensors(inputs), *(() if target is None else (target,)))
    if not all(part.ndim for part in parts) or len({len(part) for part in parts}) > 1:
        return False
    if all(part.ndim == 1 for part in parts):
        raise ValueError(f"a list of {_kind(item)} in {name} may be of examples or of batches: stack them")
    return True


def _item(data: Any, name: str) -> "tuple[Inputs, torch.Tensor | None]":
    """(inputs, targets) of one batch or example, or of data whole."""
    if isinstance(data, Mapping):
        key = next((key for key in TARGETS if key in data), None)
        inputs = {str(k): _tensor(v, data, name) for k, v in data.items() if k not in TARGETS}
        if not inputs:
            raise ValueError(f"{name} must be {WANTED}, got a mapping of {', '.join(map(str, data)) or 'nothing'}")
        return inputs, None if key is None or data[key] is None else _tensor(data[key], data, name)
    if not isinstance(data, tuple | list):
        return (_tensor(data, data, name),), None
    if len(data) not in (1, 2):
        raise ValueError(f"{name} must be {WANTED}, got {_kind(data)}")
    given, target = data[0], data[1] if len(data) == 2 else None
    if isinstance(given, Mapping):
        arguments: Inputs = {str(key): _tensor(value, data, name) for key, value in given.items()}
    else:
        several = given if isinstance(given, tuple | list) and len(given) else (given,)
        arguments = tuple(_tensor(value, data, name) for value in several)
    return arguments, None if target is None else _tensor(target, data, name)


def _tensor(value: Any, data: Any, name: str) -> "torch.Tensor":
    import torch

    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, np.ndarray | np.generic | int | float):
        array = np.asarray(value)
        if array.dtype.kind in "biuf":
            found = torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("=")))
            return found.to(torch.get_default_dtype()) if found.dtype == torch.float64 else found
    raise ValueError(f"{name} must be {WANTED}, got {_kind(data)}")


def _kind(given: Any) -> str:
    if isinstance(given, tuple | list):
        return f"({', '.join(_kind(part) for part in given[:4])}{', ...' * (len(given) > 4)})"
    if isinstance(given, Mapping):
        return f"{{{', '.join(f'{key}: {_kind(value)}' for key, value in list(given.items())[:4])}}}"
    return type(given).__name__
