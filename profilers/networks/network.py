"""Network: what is timed whole, with the workload that is counted for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from costmodel.workload import Workload


@dataclass(frozen=True)
class Network:
    """A network by name: `workload(batch)` is its counts, `build(batch)` its module and example input on the CPU."""

    name: str
    workload: Callable[[int], Workload]
    build: Callable[[int], tuple[Any, Any]]
