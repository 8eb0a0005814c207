"""A network's own outputs as targets."""

import numpy as np
import pytest
import torch
from torch import nn

from dse.sensitivity import apply, measure, predictions


def test_the_increase_is_the_divergence_from_the_network_as_it_was(trained, data):
    images = data["calibration"][0]
    targets = predictions(trained, images)
    found = measure(trained, (images, targets), ["w3a3", "w32a32"], layers=["block1.conv1"])
    twin = apply(trained, {"block1.conv1": found.options[0]}, found.ranges)
    with torch.no_grad():
        changed = twin(images).double().log_softmax(1)
    divergence = nn.functional.kl_div(changed, targets, reduction="batchmean").item()
    assert found.loss[0, 0] == pytest.approx(divergence, rel=1e-9)
    assert found.loss[0, 1] == 0.0


def test_no_option_has_a_negative_increase(trained, data):
    images = data["calibration"][0]
    found = measure(trained, (images, predictions(trained, images)), ["w8a8", "w4a4", "bf16/bf16"])
    assert found.loss.min() > -1e-12
    assert (np.diff(found.loss[:, :2]) > 0).all()


def test_probabilities_in_evaluation_mode_whatever_the_batches(data):
    module = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(64, 10)).train()
    images = data["calibration"][0]
    shares = predictions(module, images, batch_size=100)
    assert shares.dtype == torch.float64
    torch.testing.assert_close(shares, predictions(module, images))
    torch.testing.assert_close(shares.sum(1), torch.ones(len(images), dtype=torch.float64))
    assert module.training


def test_outputs_that_are_no_classes_are_refused():
    with pytest.raises(ValueError, match="first axis of outputs must count examples, 3 here"):
        predictions(nn.Flatten(0), torch.ones(3, 2))
