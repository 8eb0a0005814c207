"""Word lengths that keep the weights' distribution: chosen on a real run, whose speed-up they give."""

import numpy as np
import pytest
import torch

from app.demo.network import DigitsNet
from costmodel.importers.torch_export import read
from dse.compression.word_lengths import as_trained, divergence, least_word_length, quantised, train

NORMAL = torch.randn(4096, generator=torch.Generator().manual_seed(0))


def test_more_bits_diverge_less_and_32_not_at_all():
    found = [divergence(NORMAL, quantised(NORMAL, bits)) for bits in (2, 4, 6, 8, 32)]
    assert found == sorted(found, reverse=True)
    assert found[-1] == 0


def test_a_stricter_limit_takes_no_fewer_bits():
    found = [least_word_length(NORMAL, limit) for limit in (1e-9, 1e-3, 1e-2, 1e-1, 10.0)]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[-1] == 2


def test_speed_and_accuracy_come_from_one_run(data):
    torch.manual_seed(0)
    net = DigitsNet(6)
    layers = [op for op in read(net.eval(), (data["train"][0][:1],)).ops if op.weight_elements]
    macs, params = (np.array([getattr(op, what) for op in layers]) for what in ("macs", "weight_elements"))
    trace = train(net, data["train"], epochs=3)
    assert tuple(op.name for op in layers) == trace.layers
    assert trace.word_lengths.shape == trace.densities.shape == (3, len(layers))
    assert 2 < trace.training_speedup(macs) < 16
    assert 1 / 16 < trace.size_ratio(params) < 0.5
    assert trace.inference_speedup(macs) > 2
    images, labels = data["test"]
    with as_trained(net, trace), torch.no_grad():
        assert float((net(images).argmax(1) == labels).float().mean()) > 0.8


def test_a_limit_of_nothing_is_one_line():
    with pytest.raises(ValueError, match="the limit of the divergence must be positive, got 0"):
        least_word_length(NORMAL, 0)
