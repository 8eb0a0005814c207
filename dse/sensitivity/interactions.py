"""How two layers' quantisation errors act on each other: what both cost together beyond what each costs alone.

Deng, Sharma, Vincent, Mixed-Precision Quantization with Cross-Layer Dependencies, arXiv 2307.05657, measure every pair
of layers and options so, and add the pairs to the sum that a plan minimises.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from costmodel.precision import Precision, precision
from dse.sensitivity.additivity import Additivity, random_assignments
from dse.sensitivity.calls import Data, LossFn
from dse.sensitivity.evaluate import mean_loss
from dse.sensitivity.layers import select
from dse.sensitivity.ranges import Range
from dse.sensitivity.trials import Trial, losses

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Interactions:
    """Increases of the mean loss, one layer at a time and two at a time.

    alone   float64 [layers, options]
    pairs   float64 [layers, options, layers, options], symmetric: both together less each alone; 0 on a layer with
            itself, nan where two layers share a weight and the options differ in its format
    first, second   how well the sum of `alone`, and that sum with the pairs, foretell random whole assignments
    """

    layers: tuple[str, ...]
    options: tuple[Precision, ...]
    alone: NDArray[np.float64]
    pairs: NDArray[np.float64]
    first: Additivity
    second: Additivity

    def predicted(self, assignment: Mapping[str, Precision]) -> float:
        """The increase foretold for an assignment of options to layers, by layers and pairs."""
        own, both = _sums(self.layers, self.options, self.alone, self.pairs, assignment)
        return own + both

    def strongest(self, count: int = 10) -> list[dict[str, Any]]:
        """The pairs furthest from adding up: layers, options, interaction, and the sum of what each costs alone."""
        wide = len(self.options)
        rows, columns = np.triu_indices(self.alone.size, k=1)
        flat = self.pairs.reshape(self.alone.size, -1)[rows, columns]
        known = np.flatnonzero(np.isfinite(flat) & (rows // wide != columns // wide))
        order = known[np.argsort(-np.abs(flat[known]), kind="stable")][:count]
        alone = self.alone.ravel()
        return [
            {
                "layers": (self.layers[a // wide], self.layers[b // wide]),
                "options": (self.options[a % wide].name, self.options[b % wide].name),
                "interaction": float(flat[i]),
                "alone": float(alone[a] + alone[b]),
            }
            for i, a, b in ((i, rows[i], columns[i]) for i in order)
        ]


def interactions(
    module: "torch.nn.Module",
    data: Data,
    options: Sequence[Precision | str],
    ranges: Mapping[str, Range],
    *,
    layers: Iterable[str] | None = None,
    assignments: int = 24,
    loss_fn: "LossFn | None" = None,
    batch_size: int = 256,
    progress: Callable[[int, int], Any] | None = None,
) -> Interactions:
    """Measure every pair of layers at every pair of options: (layers x options)^2 / 2 passes over the data.

    ranges, layers  as `observe` gives them for the layers in question; all of them by default
    assignments     random whole ones that say how much the pairs add to the plain sum
    Other arguments as in `measure`. ValueError on fewer than two layers or no option.
    """
    choices = tuple(precision(option) if isinstance(option, str) else option for option in options)
    names = tuple(ranges if layers is None else dict.fromkeys(layers))
    if len(names) < 2 or not choices or assignments < 2:
        got = f"{len(names)}, {len(choices)} and {assignments}"
        raise ValueError(f"interactions need at least 2 layers, 1 option and 2 assignments, got {got}")
    parts = select(module, names)
    cells = [(name, option) for name in names for option in choices]
    couples = [pair for pair in combinations(range(len(cells)), 2) if _fits(parts, cells, *pair)]
    together = random_assignments(parts, choices, assignments)
    trials: list[Trial] = [{name: option} for name, option in cells]
    trials += [dict((cells[a], cells[b])) for a, b in couples]
    required = len(trials)
    found = losses(
        module, data, [*trials, *together], ranges,
        loss_fn=loss_fn, batch_size=batch_size, finite=required, progress=progress,
    ) - mean_loss(module, data, loss_fn=loss_fn, batch_size=batch_size)  # fmt: skip
    alone, measured = found[: len(cells)], found[required:]
    pairs = np.full((len(cells), len(cells)), np.nan)
    for (a, b), both in zip(couples, found[len(cells) : required], strict=True):
        pairs[a, b] = pairs[b, a] = both - alone[a] - alone[b]
    shape = len(names), len(choices)
    blocks = pairs.reshape(*shape, *shape)
    blocks[np.arange(len(names)), :, np.arange(len(names)), :] = 0.0
    table = alone.reshape(shape)
    sums = np.array([_sums(names, choices, table, blocks, trial) for trial in together])
    first, second = Additivity(sums[:, 0], measured), Additivity(sums.sum(axis=1), measured)
    return Interactions(names, choices, table, blocks, first, second)


def _sums(
    layers: Sequence[str],
    options: Sequence[Precision],
    alone: NDArray[np.float64],
    pairs: NDArray[np.float64],
    assignment: Trial,
) -> tuple[float, float]:
    """What an assignment's layers cost alone, and what its pairs add."""
    rows = [layers.index(name) for name in assignment]
    columns = [options.index(option) for option in assignment.values()]
    both = pairs[rows, columns][:, rows, columns]
    return float(alone[rows, columns].sum()), float(both.sum() / 2)


def _fits(parts: "Mapping[str, torch.nn.Module]", cells: Sequence[tuple[str, Precision]], a: int, b: int) -> bool:
    """Whether two cells are of different layers that can take their formats at once."""
    (first, one), (second, other) = cells[a], cells[b]
    shared = parts[first].get_parameter("weight") is parts[second].get_parameter("weight")
    return first != second and not (shared and one.weight != other.weight)
