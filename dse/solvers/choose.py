"""Which method solves a problem: by its shape."""

import numpy as np

from dse.solvers import branching, cp_sat, subsets
from dse.solvers.classes import Classes, classes
from dse.solvers.instance import Outcome
from dse.tables import Tables


def dispatch(tables: Tables, max_formats: int | None, deadline: float) -> tuple[Classes, Outcome, str]:
    """Solve checked tables; return their classes, the outcome and the method's name."""
    options = tables.loss.shape[1]
    most_options = min(max_formats or options, options)
    if tables.conversion is None:
        found = classes(tables)
        if most_options == options:
            return found, branching.solve(found.instance, deadline), "branching"
        if subsets.count(found.instance, most_options) <= subsets.MOST_SUBSETS:
            return found, subsets.solve(found.instance, most_options, deadline), "subsets"
    found = classes(tables, merge=False)
    return found, cp_sat.solve(found.instance, _couplings(found, most_options), deadline), "cp_sat"


def _couplings(found: Classes, most_options: int) -> cp_sat.Couplings:
    tables = found.tables
    conversion = tables.conversion if tables.conversion is not None else np.zeros((tables.loss.shape[1],) * 2)
    class_of = {layer: i for i, groups in enumerate(found.members) for group in groups for layer in group}
    pairs = [(class_of[layer], class_of[layer + 1]) for layer in range(len(tables.loss) - 1)]
    different = tuple(pair for pair in pairs if pair[0] != pair[1])
    return cp_sat.Couplings(different, found.loss_grid.of(conversion), most_options)
