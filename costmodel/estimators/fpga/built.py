"""What a dataflow may take once it is built: the ends of the intervals of its totals."""

from collections.abc import Mapping

BUILT = {"lut": 2.5, "ff": 5.6, "bram18": 2.4}
"""Somewhat more than the most times what is counted that a published whole design took, of two: CNV-W1A1 and W2A2 of
BNN-PYNQ, whose LUTs are 1.7 and 2.3 times the layers' sum here, flip-flops 2.5 and 5.6, block RAM 2.4 and 1.4. They
come from high-level synthesis, with data movers and deeper queues; which takes how much is not known, and others may
take more.
"""


def intervals(totals: Mapping[str, float]) -> dict[str, float]:
    """The least, as counted, and the most of each resource; of LUTs the layers' own interval where that is wider."""
    found = {
        f"{name}_high": max(totals.get(f"{name}_high", 0.0), factor * totals[name]) for name, factor in BUILT.items()
    }
    return {"ff_low": totals["ff"], "bram18_low": totals["bram18"], **found}
