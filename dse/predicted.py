"""What designs are predicted to be worth, whatever device runs them: by published laws, and by the laws of samples."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.precision import Precision
from dse.asked import ANSWERS
from dse.passes import Pass
from dse.training_loss import training_loss
from dse.vlm_error import vlm_error

PREDICTED = ("training_loss", "vlm_error", *ANSWERS)


def predicted(
    done: Pass, precisions: Sequence[Precision], values: Mapping[str, Any], names: Collection[str]
) -> dict[str, NDArray[np.float64]]:
    """Return those of the names that are among PREDICTED: {name: float64[precisions]}, nan where no law knows.

    `values` are those of the pass on the axes.
    """
    found = {}
    if "training_loss" in names:
        found["training_loss"] = training_loss(done, precisions, values["tokens"])
    if "vlm_error" in names:
        found["vlm_error"] = np.full(len(precisions), vlm_error(done, values["strategy"]))
    for name in set(names) & set(ANSWERS):
        share = getattr(done.workload.answers, name.removesuffix("_answers"), np.nan)
        found[name] = np.full(len(precisions), share)
    return found
