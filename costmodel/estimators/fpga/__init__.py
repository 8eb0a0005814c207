"""FPGA cost of a network: as a dataflow of one unit a layer, folded by PE and SIMD as FINN builds them, or on an
overlay, one array that the layers share.
"""

from costmodel.estimators.fpga import overlay
from costmodel.estimators.fpga.carried import carried
from costmodel.estimators.fpga.columns import evaluate, finn_evaluate, totals
from costmodel.estimators.fpga.coverage import check, uncounted, written
from costmodel.estimators.fpga.folding import fold, folded_for
from costmodel.estimators.fpga.placed import placed
from costmodel.estimators.fpga.skipping import unskipped
from costmodel.estimators.fpga.systolic_array import Array
from costmodel.estimators.fpga.unit import Folding

Design = Folding | Array
"""How a network lies on an FPGA."""

__all__ = [
    "Array", "Design", "Folding", "carried", "check", "evaluate", "finn_evaluate", "fold", "folded_for", "overlay",
    "placed", "totals", "uncounted", "unskipped", "written",
]  # fmt: skip
