"""How long Yosys takes for designs, to say so before it does and to keep what an interruption loses small.

Timed on two busy cores: 10 s for a product of int4 or e4m3, 20-40 s for dot products of 16 terms and 400-2,700 sites,
73 s for 2,800 sites with 56 bits of sums, 208 s for 6,400 with 93. A run corrects it by its own pace.
"""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.site_calibration import calibrated, calibration
from profilers.fpga.design import Design
from profilers.fpga.fit_sites import predictions

START_S, DESIGN_S, SITE_S = 4.0, 0.3, 0.008
"""A process with its cell library, a design however small, and a LUT site of a small one."""
TWICE_SITES = 3000.0
"""Sites of a design of which each takes twice as long."""
UNKNOWN_SITES = 300.0
"""Sites of a circuit without a calibration (a judgement)."""


def expected_s(designs: Sequence[Design]) -> NDArray[np.float64]:
    """Seconds of each design beside others in one process, float64[designs]."""
    sites = predicted_sites(designs)
    return np.asarray(DESIGN_S + SITE_S * sites * (1 + sites / TWICE_SITES))


def predicted_sites(designs: Sequence[Design]) -> NDArray[np.float64]:
    """LUT sites by the formulas of their circuits, float64[designs]."""
    import pandas as pd

    table, found = pd.DataFrame([asdict(design) for design in designs]), np.full(len(designs), UNKNOWN_SITES)
    for unit in {design.unit for design in designs} & set(calibrated("xc7")):
        at = np.flatnonzero(table["unit"] == unit)
        found[at] = predictions(table.iloc[at].reset_index(drop=True), calibration(unit, "xc7").constants)
    return found
