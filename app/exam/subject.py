"""A network that sits the exam: what calibrates it, and how its true quality is scored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.precision import Precision, precision

WIDTHS = (2, 3, 4, 6, 8)
"""Weight widths to choose among, in bits."""

BUDGETS = (2, 3, 4)
"""Uniform widths whose bytes plans may take. Nothing is narrower than 2 bits: there all plans are the uniform one."""

Scores = Mapping[str, NDArray[np.float64]]
"""A number an example by metric, the higher the better."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained module with its data.

    layers       all weight matrices that the data reach, embeddings too: what dse.choices would offer
    activation   the width of every layer's input, in bits, in all arms
    calibration  (inputs, targets) for `loss_fn`, one batch; disjoint from what `score` uses
    loss_fn      what plans minimise; it has second derivatives
    proxy        another loss on the same data, easier and less to the point, or None
    score        the true quality of a module; `downstream` names what counts in it, `proxies` what stands in for it
    """

    name: str
    module: Any
    layers: tuple[str, ...]
    activation: int
    calibration: Any
    loss_fn: Callable[[Any, Any], Any]
    proxy: Callable[[Any, Any], Any] | None
    score: Callable[[Any], Scores]

    @property
    def options(self) -> tuple[Precision, ...]:
        """The precisions of a layer: a weight width each, activations alike."""
        return tuple(precision(f"int{width}/int{self.activation}") for width in WIDTHS)

    def precisions(self, choice: NDArray[np.int64]) -> dict[str, Precision]:
        """The precision of each layer at a choice of widths [layers]."""
        return {name: self.options[option] for name, option in zip(self.layers, choice.tolist(), strict=True)}

    @property
    def weights(self) -> NDArray[np.int64]:
        """The number of weights of each layer."""
        return np.array([self.module.get_parameter(f"{name}.weight").numel() for name in self.layers])
