"""Watch one pass of a torch module: what each call wrote and returned, and when each tensor was first read."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dse.sensitivity.calls import Inputs, run

if TYPE_CHECKING:
    import torch

PLAIN = (type(None), bool, int, float, str)
"""Types of outputs, tensors aside, that a replay may hand out again."""


@dataclass(eq=False)
class Frame:
    """One call of a module: the ticks at which it started and ended, the calls inside it, and what it returned."""

    start: int
    end: float = math.inf
    inner: "Counter[torch.nn.Module]" = field(default_factory=Counter)
    usable: bool = True
    outputs: Any = None


class Watch:
    """Calls go through `call` while `run` runs a module under a mode that sees every operation.

    calls    the frames of each module in order
    unsafe   whether an operation drew random numbers, or met tensors whose memory cannot be told apart
    """

    def __init__(self, cache_bytes: int) -> None:
        self.calls: dict[torch.nn.Module, list[Frame]] = {}
        self.unsafe = False
        self._open: list[Frame] = []
        self._tick = 0
        self._read: dict[int, int] = {}
        self._made: dict[int, int] = {}
        self._room = cache_bytes
        self._last: tuple[Any, int, Any] | None = None

    def run(self, module: "torch.nn.Module", arguments: Inputs) -> list[Any] | None:
        """Return the leaves of a module's outputs, None where it returns what is no tensor or plain value."""
        import torch
        from torch.utils._python_dispatch import TorchDispatchMode

        seen = self._seen

        class Mode(TorchDispatchMode):
            def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                result = func(*args, **(kwargs or {}))
                seen(func, args, kwargs or {}, result)
                return result

        mode: Any = Mode
        with torch.no_grad(), mode():
            return leaves(run(module, arguments))

    def call(self, part: "torch.nn.Module", forward: Any, args: Any, kwargs: Any) -> Any:
        """Call a part's forward, and keep what it returned."""
        self._tick += 1
        frame = Frame(self._tick)
        self.calls.setdefault(part, []).append(frame)
        for outer in self._open:
            outer.inner[part] += 1
        self._open.append(frame)
        outputs = forward(*args, **kwargs)
        self._open.pop()
        self._tick += 1
        frame.end = self._tick
        if frame.usable and self._open:
            frame.outputs = self._kept(outputs, frame)
        frame.usable = frame.outputs is not None
        return outputs

    def touched(self, layer: "torch.nn.Module") -> float:
        """The tick at which a layer was first called or its weight first read; -inf where neither was seen."""
        calls = self.calls.get(layer)
        first_read = self._read.get(_place(layer.get_parameter("weight")), math.inf)
        first_call = calls[0].start if calls else math.inf
        return min(first_read, first_call) if calls else -math.inf

    def _seen(self, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        import torch

        self._tick += 1
        given, made = _tensors((args, kwargs)), _tensors(result)
        self.unsafe |= _draws_random_numbers(func, args, kwargs)
        self.unsafe |= any(tensor.layout != torch.strided for tensor in (*given, *made))
        if self.unsafe:
            return
        for place in map(_place, given):
            self._read.setdefault(place, self._tick)
        for place in _written(func, args, kwargs):
            for frame in self._open:
                frame.usable &= self._made.get(place, 0) > frame.start
        given_places = {_place(tensor) for tensor in given}
        for tensor in made:
            if _place(tensor) not in given_places:
                self._made[_place(tensor)] = self._tick

    def _kept(self, outputs: Any, frame: Frame) -> Any:
        """Copies of outputs that are the call's own, with their structure; None where they are not, or too large."""
        found = leaves(outputs)
        if found is None:
            return None
        tensors = _tensors(found)
        places = [_place(tensor) for tensor in tensors]
        if len(set(places)) < len(places) or any(self._made.get(place, 0) <= frame.start for place in places):
            return None
        if sum(tensor.nbytes for tensor in tensors) > self._room:
            return None
        return _mapped(self._copy, outputs)

    def _copy(self, value: Any) -> Any:
        """A copy of a tensor; one that the call before returned too, unchanged since, is not copied twice."""
        import torch

        if not isinstance(value, torch.Tensor):
            return value
        if self._last is None or self._last[0] is not value or self._last[1] != value._version:
            self._room -= value.nbytes
            self._last = value, value._version, value.detach().clone()
        return self._last[2]


def leaves(tree: Any) -> list[Any] | None:
    """The tensors and plain values of nested outputs; None where there is anything else."""
    import torch
    from torch.utils._pytree import tree_leaves

    found: list[Any] = tree_leaves(tree)
    return found if all(type(leaf) is torch.Tensor or isinstance(leaf, PLAIN) for leaf in found) else None


def rebuilt(kept: Any) -> Any:
    """Fresh copies of kept outputs, which the caller may write to."""
    import torch

    return _mapped(lambda leaf: leaf.clone() if isinstance(leaf, torch.Tensor) else leaf, kept)


def _mapped(edit: Any, tree: Any) -> Any:
    from torch.utils._pytree import tree_map

    return tree_map(edit, tree)


def _tensors(tree: Any) -> "list[torch.Tensor]":
    import torch
    from torch.utils._pytree import tree_leaves

    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def _written(func: Any, args: Any, kwargs: Any) -> list[int]:
    """Where the arguments are stored that an operation writes to."""
    written: list[int] = []
    for position, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            written += [_place(tensor) for tensor in _tensors(_given(argument, position, args, kwargs))]
    return written


def _draws_random_numbers(func: Any, args: Any, kwargs: Any) -> bool:
    """Whether an operation is random; attention may be, but is not where it drops nothing."""
    import torch

    if torch.Tag.nondeterministic_seeded not in func.tags:
        return False
    dropped = [
        _given(argument, position, args, kwargs)
        for position, argument in enumerate(func._schema.arguments)
        if argument.name == "dropout_p"
    ]
    return dropped != [0.0]


def _given(argument: Any, position: int, args: Any, kwargs: Any) -> Any:
    """What an operation was given for an argument of its schema."""
    return args[position] if position < len(args) else kwargs.get(argument.name, argument.default_value)


def _place(tensor: "torch.Tensor") -> int:
    """What identifies the memory of a tensor while it is alive."""
    return int(tensor.untyped_storage().data_ptr())
