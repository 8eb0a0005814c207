"""One store for several widths: each serves the stored integers rounded once more, and training draws widths."""

import numpy as np
import pytest
import torch
from torch import nn

from costmodel.strategies.double_rounding import narrow
from dse.compression import switchable
from dse.compression.switchable import at_width, train, twice

WIDTHS = (8, 4, 2)


def problem():
    torch.manual_seed(0)
    x = torch.randn(200, 6)
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3)), (x, (x @ torch.randn(6, 3)).argmax(1))


@pytest.mark.parametrize("bits", WIDTHS)
def test_a_width_is_the_stored_integers_rounded_once_more(bits):
    module, _ = problem()
    weight = module[0].weight.detach()
    scale = weight.abs().amax(1, keepdim=True).double() / 127
    codes = narrow((weight.double() / scale).round().numpy(), stored_bits=8, bits=bits)
    served = at_width(module, ["0"], stored_bits=8, bits=bits)
    torch.testing.assert_close(served[0].weight.double(), torch.from_numpy(codes) * scale * 2 ** (8 - bits))
    assert torch.equal(served[2].weight, module[2].weight)
    assert len(np.unique(codes)) <= 2**bits


def test_training_draws_wide_ones_more_for_sensitive_layers_and_keeps_the_master(monkeypatch):
    module, data = problem()
    drawn = {16: [], 3: []}

    def counted(matrix, *, stored_bits, bits):
        drawn[len(matrix)].append(bits)
        return twice(matrix, stored_bits=stored_bits, bits=bits)

    monkeypatch.setattr(switchable, "twice", counted)
    losses = train(module, ["0", "2"], data, widths=WIDTHS, sensitivities=[9.0, 1.0], epochs=60)
    assert losses[-1] < losses[0]
    sensitive, even = (np.array([np.mean(np.array(drawn[rows]) == b) for b in WIDTHS]) for rows in (16, 3))
    assert sensitive == pytest.approx(np.array(WIDTHS) / 14, abs=0.12)
    assert even == pytest.approx(np.full(3, 1 / 3), abs=0.12)
    assert len(torch.unique(module[0].weight)) > 2**4, "the weights that are trained are not the rounded ones"


def test_bad_widths_are_one_line():
    module, data = problem()
    with pytest.raises(ValueError, match="sensitivities must be finite"):
        train(module, ["0"], data, widths=WIDTHS, sensitivities=[np.nan], epochs=1)
