"""Data beside a torch model: what calibrates, what is held out, and what is neither."""

import pytest
import torch

from app.data import load, split

X, Y = torch.zeros(6, 2), torch.zeros(6)


def nothing() -> None:
    pass


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"test": (X, Y)}, r"data needs \"calibration\""),
        ({"train": (X, Y)}, r"data needs \"calibration\".*it has \['train'\]"),
        ({"calibration": (X, Y), "test": (X,)}, "test needs targets"),
        ({"calibration": (X, Y), "test": ([X, X], [Y, Y])}, r"got \(\(Tensor, Tensor\), \(Tensor, Tensor\)\)"),
        ({"calibration": (X, Y), "test": (torch.nn.Linear(2, 2), (X,))}, r"test must be .* got \(Linear, \(Tensor\)\)"),
    ],
)
def test_what_is_no_data_is_told(given: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        split(given)


def test_pairs_and_mappings_are_taken() -> None:
    assert split((X, Y)) == ((X, Y), None)
    keywords = {"pixels": X, "labels": Y}
    assert split(keywords) == (keywords, None)
    assert split({"calibration": X}) == (X, None)
    calibration, test = split({"calibration": ((X, X), Y), "test": torch.utils.data.TensorDataset(X, Y)})
    assert calibration == ((X, X), Y)
    assert torch.equal(test[0][0], X)
    assert torch.equal(test[1], Y)


def test_a_callable_that_gives_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"test_data:nothing\(\) returned None"):
        load("tests.app.test_data:nothing")
    with pytest.raises(ValueError, match=r"^data is spelled module:callable, got 'here'$"):
        load("here")
