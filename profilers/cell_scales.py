"""Factors on an interval's half-widths by cell of a size, from rows that a fit never saw, where strata hold too few.

Cells only widen: strata that were fitted anew beside them held less on other folds. Where a cell has rows of few layers
or configurations, these are the sample, not their rows: Dunn, Wasserman, Ramdas, Distribution-free prediction sets for
two-layer hierarchical models, arXiv 1809.07441 (section 4: a quantile of groups' quantiles).
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costmodel.estimators import cells, uncertainty
from profilers.measured_rows import of

Floats = NDArray[np.float64]

LEAST_OFFSET = 1e-3
"""Half-width below which a stratum's offset is taken as this: a factor on zero widens nothing."""


def scales(rows: pd.DataFrame, errors: Floats, low: Floats, high: Floats) -> dict[str, Any]:
    """`scale_SIZE` and `count_SIZE` (layers or configurations) of every cell of the rows' model.

    `errors` are the rows' log errors in units of their spread, `low` and `high` the offsets of their strata. A cell of
    one layer, or of none, takes the largest factor of its size.
    """
    table = of(rows)
    groups = rows.groupby(list(table.apart)).ngroup().to_numpy()
    sizes = dict(zip(table.model.sizes, table.sizes(rows), strict=True))
    beyond = np.maximum(errors / np.maximum(high, LEAST_OFFSET), errors / np.minimum(low, -LEAST_OFFSET))
    found: dict[str, Any] = {}
    for name, edges in table.model.cells.items():
        where = cells.at(sizes[name], edges)
        inside = [where == i for i in range(len(edges) + 1)]
        counts = [len(np.unique(groups[own])) for own in inside]
        factors = [_factor(beyond[own], groups[own]) if own.any() else 1.0 for own in inside]
        largest = max(factors)
        scaled = [round(largest if count < 2 else factor, 4) for factor, count in zip(factors, counts, strict=True)]
        found |= {f"scale_{name}": scaled, f"count_{name}": counts}
        beyond = beyond / np.asarray(scaled)[where]
    return found


def _factor(beyond: Floats, groups: NDArray[np.int64]) -> float:
    factor = max(1.0, _covering(beyond))
    each = np.unique(groups)
    if len(each) >= cells.FEW:
        return factor
    return max(factor, _covering(np.array([_covering(beyond[groups == group]) for group in each])))


def _covering(values: Floats) -> float:
    """The quantile at COVERAGE with the finite-sample rank of split-conformal prediction."""
    rank = min(int(np.ceil((len(values) + 1) * uncertainty.COVERAGE)), len(values))
    return float(np.sort(values)[rank - 1])
