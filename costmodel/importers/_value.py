"""What flows between the ops of an imported graph."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

Shape = tuple[int, ...]
RANDOM = ("random",)
"""The source of what is drawn anew in every pass."""


@dataclass(frozen=True)
class Value:
    """A tensor: its shape (None where it depends on data), and what reached it through ops that cost no arithmetic.

    sources     names of the ops, or of the network's inputs, whose results it holds; none = the same in every pass
    parameters  names of the stored parameters it holds
    distinct    elements before any expansion: a broadcast or repeated tensor is read once
    detached    names among the sources, parameters and `made` to which no gradient passes
    made        names of the prepared ops that give it from its parameters
    """

    shape: Shape | None
    sources: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    distinct: float = math.inf
    detached: tuple[str, ...] = ()
    made: tuple[str, ...] = ()

    @property
    def cut(self) -> "Value":
        """The value as one to which no gradient passes."""
        return replace(self, detached=(*self.sources, *self.parameters, *self.made))

    @property
    def dims(self) -> Shape:
        """The shape; ValueError where it is not known."""
        if self.shape is None:
            raise ValueError("the shape is not known")
        return self.shape

    @property
    def elements(self) -> int:
        """Elements of the whole tensor."""
        return math.prod(self.dims)

    @property
    def stored(self) -> float:
        """Elements that must be read to know it."""
        return min(self.distinct, self.elements)

    @property
    def is_constant(self) -> bool:
        """Whether it is the same in every pass, and nothing trains it."""
        return not (self.parameters or self.sources)

    @property
    def is_parameter(self) -> bool:
        """Whether it holds parameters and nothing of the network's inputs."""
        return bool(self.parameters) and not self.sources


def passed(reads: Sequence[Value], shape: Shape | None) -> Value:
    """The result of moving, reshaping or repeating `reads`: it holds what they hold."""
    known = all(read.shape is not None for read in reads)
    distinct = sum(read.stored for read in reads) if reads and known else math.inf
    held = (union(getattr(read, name) for read in reads) for name in ("sources", "parameters", "made"))
    sources, parameters, made = held
    return Value(shape, sources, parameters, distinct, detached(reads), made)


def detached(reads: Sequence[Value]) -> tuple[str, ...]:
    """Names to which no gradient passes through any of these; what picks from parameters stands for them."""
    reached = {name for read in reads for name in read.sources if read.parameters or name not in read.detached}
    reached |= {name for read in reads for name in (*read.parameters, *read.made) if name not in read.detached}
    return tuple(name for name in union(read.detached for read in reads) if name not in reached)


def union(parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The names of all tuples, each once, in order."""
    return tuple(dict.fromkeys(name for part in parts for name in part))
