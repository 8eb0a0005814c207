"""Mean loss and accuracy on data."""

import pytest
import torch
from torch import nn

from dse.sensitivity import accuracy, mean_loss
from dse.sensitivity.evaluate import evaluate

X = torch.randn(23, 5, generator=torch.Generator().manual_seed(1))
Y = torch.arange(23) % 3
NET = nn.Linear(5, 3)
with torch.no_grad():
    NET.weight.copy_(torch.linspace(-1, 1, 15).reshape(3, 5))


@pytest.mark.parametrize("batch_size", [1, 4, 23, 100])
def test_mean_loss_counts_every_example_once(batch_size):
    expected = nn.functional.cross_entropy(NET(X).double(), Y).item()
    assert mean_loss(NET, (X, Y), batch_size=batch_size) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("batch_size", [4, 100])
def test_accuracy_is_the_share_of_right_answers(batch_size):
    assert accuracy(NET, (X, Y), batch_size=batch_size) == (NET(X).argmax(1) == Y).double().mean().item()


def test_accuracy_of_dense_classification_counts_every_position():
    images = torch.randn(2, 3, 4, 4)
    assert accuracy(nn.Identity(), (images, images.argmax(1))) == 1.0


def test_other_targets_have_no_accuracy():
    score = evaluate(nn.Linear(5, 1), (X, X[:, :1]), loss_fn=nn.functional.mse_loss)
    assert score.accuracy is None
    with pytest.raises(ValueError, match="accuracy needs targets that are classes"):
        accuracy(nn.Linear(5, 1), (X, X[:, :1]))


def test_several_inputs():
    data = ((X[:, :2], X[:, 2:]), Y)
    assert mean_loss(nn.Bilinear(2, 3, 3), data, batch_size=7) > 0


def test_evaluation_mode_without_gradients_and_the_mode_returns():
    module = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm1d(5), NET)
    module.train()
    module[1].eval()
    seen = []
    module.register_forward_hook(lambda part, _, out: seen.append((part[0].training, out.requires_grad)))
    mean_loss(module, (X, Y))
    assert seen == [(False, False)]
    assert [part.training for part in module] == [True, False, True]
    assert int(module[1].num_batches_tracked) == 0


def test_the_mode_returns_after_an_error():
    module = nn.Linear(2, 3).train()
    with pytest.raises(RuntimeError):
        mean_loss(module, (X, Y))
    assert module.training


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (X, "data must be"),
        ((X, Y[:5]), r"same number of examples, at least 1, got \[5, 23\]"),
        ((X[:0], Y[:0]), r"at least 1, got \[0\]"),
        ((X.numpy(), Y), "must be tensors of examples, got ndarray"),
        ((X, torch.tensor(1)), "must be tensors of examples"),
    ],
)
def test_bad_data(data, text):
    with pytest.raises(ValueError, match=text):
        mean_loss(NET, data)


def test_bad_batch_size():
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        mean_loss(NET, (X, Y), batch_size=0)
