"""Forward passes that compute only what a changed layer can reach: recorded outputs stand in for what came before it.

A call of a module that ended before a layer was called, and before anything read the layer's weight, cannot depend on
that layer, whatever the graph: shortcuts and branches included. What a pass reads and writes is watched operation by
operation, so calls that write to tensors from outside (in place), or return them, are computed anew each time; random
numbers, or outputs that a replay does not reproduce to the last bit, turn the replay off.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dse.sensitivity.calls import Inputs, run
from dse.sensitivity.watch import Frame, Watch, leaves, rebuilt

if TYPE_CHECKING:
    import torch

CACHE_BYTES = 1 << 30
"""Recorded outputs of one batch take at most this much memory (a judgement); what is beyond is computed anew."""


@dataclass
class Recording:
    """The outputs that modules gave in one pass, by module and number of the call; `cut` is when replay ends."""

    calls: "dict[torch.nn.Module, list[Frame]]"
    touched: Mapping[str, float]
    cut: float = -math.inf
    count: "Counter[torch.nn.Module]" = field(default_factory=Counter)

    def before(self, *layers: str) -> None:
        """Let the next pass replay what none of the layers of these names can reach."""
        self.cut = min((self.touched.get(layer, -math.inf) for layer in layers), default=-math.inf)
        self.count.clear()

    def replay(self, part: "torch.nn.Module") -> Frame | None:
        """The recorded call that the module's next one repeats, None where it must be computed."""
        number = self.count[part]
        self.count[part] += 1
        calls = self.calls.get(part, ())
        if number >= len(calls) or calls[number].end >= self.cut or not calls[number].usable:
            return None
        self.count.update(calls[number].inner)
        return calls[number]


@contextmanager
def recorded(
    module: "torch.nn.Module", arguments: Inputs, layers: "Mapping[str, torch.nn.Module]", cache_bytes: int
) -> Iterator[Recording]:
    """Run a module once, and replay in the body what it computed: `before(layer)`, then call the module as ever.

    module  in evaluation mode, deterministic; its own methods return when the body ends
    layers  those that will be changed, by name
    With `cache_bytes` of 0, or where a replay is not proven to be the same, everything is computed.
    """
    if not cache_bytes:
        yield Recording({}, {})
        return
    watch = Watch(cache_bytes)
    with _called_through(module, watch.call):
        outputs = watch.run(module, arguments)
    recording = Recording(watch.calls, {name: watch.touched(part) for name, part in layers.items()})
    with _called_through(module, lambda part, forward, args, kwargs: _serve(recording, part, forward, args, kwargs)):
        if watch.unsafe or not _repeats(module, arguments, recording, outputs):
            recording.touched = {}
        yield recording


def _serve(recording: Recording, part: "torch.nn.Module", forward: Any, args: Any, kwargs: Any) -> Any:
    found = recording.replay(part)
    return forward(*args, **kwargs) if found is None else rebuilt(found.outputs)


def _repeats(module: "torch.nn.Module", arguments: Inputs, recording: Recording, outputs: Any) -> bool:
    """Whether a pass that replays all it can gives the recorded outputs to the last bit."""
    import torch

    recording.cut = math.inf
    recording.count.clear()
    again = leaves(run(module, arguments))
    if again is None or outputs is None or len(again) != len(outputs):
        return False
    pairs = zip(again, outputs, strict=True)
    return all(torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b for a, b in pairs)


@contextmanager
def _called_through(module: "torch.nn.Module", call: Any) -> Iterator[None]:
    """Have every part's `forward` go through call(part, forward, args, kwargs), and put it back."""
    import torch

    parts = [part for part in module.modules() if not isinstance(part, torch.jit.ScriptModule)]
    own: list[Any] = [part.__dict__.get("forward") for part in parts]
    for part in parts:
        forward = part.forward

        def through(*args: Any, _part: Any = part, _forward: Any = forward, **kwargs: Any) -> Any:
            return call(_part, _forward, args, kwargs)

        part.forward = through
    try:
        yield
    finally:
        for part, before in zip(parts, own, strict=True):
            del part.forward
            if before is not None:
                part.forward = before
