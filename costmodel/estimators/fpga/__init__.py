"""FPGA cost of a dataflow accelerator: one unit a layer, folded by PE and SIMD, as FINN builds them."""

from costmodel.estimators.fpga.columns import evaluate, finn_evaluate, totals
from costmodel.estimators.fpga.coverage import check, uncounted
from costmodel.estimators.fpga.folding import fold
from costmodel.estimators.fpga.unit import Folding

__all__ = ["Folding", "check", "evaluate", "finn_evaluate", "fold", "totals", "uncounted"]
