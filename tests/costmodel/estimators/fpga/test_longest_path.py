"""The path that decides a latency: its sum is the latency of its own folding, and below that of every other."""

from dataclasses import replace

import numpy as np
import pytest
from test_fpga_passage import NETS, batched, folded

from costmodel import fpga, precision
from costmodel.estimators.fpga.columns import through
from costmodel.estimators.fpga.longest_path import longest_path, times
from costmodel.estimators.fpga.placed import placed
from costmodel.estimators.fpga.reach import paths
from costmodel.estimators.fpga.traffic_bound import ends, input_cycles, memory_cycles, moved_bytes
from costmodel.record import stack

BOARD = fpga("pynq_z1")
INT4 = precision("int4/int4")


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize(("batch", "slow"), [(1, 1.0), (3, 1.0), (2, 1e5)])
def test_a_path_is_the_latency_of_its_folding_and_below_all_others(name, batch, slow):
    net = batched(NETS[name], batch)
    board = replace(BOARD, memory_bytes_per_s=BOARD.memory_bytes_per_s / slow)
    foldings = [placed(net, folded(net, seed)) for seed in range(6)]
    each = stack([INT4] * len(net.ops))
    around = {"batch": float(batch), "outputs": paths(net).outputs, "entering": ends(net)[0]}
    taken = [times(net.batch_of_ops, each, board, folding, **around) for folding in foldings]
    took, path = [], []
    for folding in foldings:
        moved = float(memory_cycles(moved_bytes(net.batch_of_ops, each, folding).sum(), board))
        interval = max(moved, float((taken[len(took)][:, 4] * batch).max()))
        took.append(through(net, each, board, folding, interval=interval).cycles)
        path.append(longest_path(net, folding, interval=interval, input_cycles=input_cycles(net, each, board)))
    sums = np.array([[float((one * row).sum()) for row in taken] for one in path])
    assert np.diag(sums) == pytest.approx(took, rel=1e-3)
    assert (sums <= np.array(took) * (1 + 1e-9) + 2).all()
