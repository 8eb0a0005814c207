"""Table: what a table of measured rows holds, and the model that predicts them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costmodel.estimators.latency_model import LatencyModel
from profilers.boosting import Growth

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """Rows of one kind of work, `name` in words.

    columns    those it must have; of them `positive` are numbers above 0, `counted` numbers from 0 on
    whole      those of them that are whole numbers
    apart      columns that name what is held out together: neighbours in the others flatter a model
    pass_of    columns that the layers of one pass through a network have in common
    family     the rows with their `math`, the name of the family whose constants apply
    sizes      the model's sizes of checked rows
    flops      floating operations of checked rows
    moved      bytes of checked rows, each operand once
    prior      where a fit of constants starts, `spread` how far their logarithms usually lie from it
    free       names of the constants that a kind of work depends on, on a device
    growth     how the residual model's trees are grown where rows are many
    carries    whether few rows may lean on other devices' constants
    """

    name: str
    model: LatencyModel
    columns: tuple[str, ...]
    positive: tuple[str, ...]
    counted: tuple[str, ...]
    whole: tuple[str, ...]
    apart: tuple[str, ...]
    pass_of: tuple[str, ...]
    family: Callable[[pd.DataFrame], pd.DataFrame]
    sizes: Callable[[pd.DataFrame], tuple[Floats, ...]]
    flops: Callable[[pd.DataFrame], Floats]
    moved: Callable[[pd.DataFrame, Any], Floats]
    prior: Any
    spread: dict[str, float]
    free: Callable[[Any, Any], list[str]]
    growth: Growth
    carries: bool = True
