"""A folding with what each unit's place in the network adds to it."""

from dataclasses import replace

from costmodel.estimators.fpga.passage import waiting
from costmodel.estimators.fpga.traffic_bound import ends
from costmodel.estimators.fpga.unit import Folding
from costmodel.workload import Workload


def placed(workload: Workload, folding: Folding) -> Folding:
    """Return the folding with what waits where paths join, and what is read and written at the network's ends."""
    return replace(folding, waiting=waiting(workload), moved=sum(ends(workload)))
