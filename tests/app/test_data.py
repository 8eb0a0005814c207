"""Data beside a torch model: what is no pair of tensors is told in a line."""

import pytest
import torch

from app.data import load, split

X, Y = torch.zeros(6, 2), torch.zeros(6)


def nothing() -> None:
    pass


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            (torch.nn.Linear(2, 2), (X,)),
            r"data must be \(inputs, targets\) in torch tensors, got \(Linear, \(Tensor\)\)",
        ),
        (([X, X], [Y, Y]), r"got \(\(Tensor, Tensor\), \(Tensor, Tensor\)\)"),
        ((X, Y[:5]), r"data has 6 inputs and 5 targets"),
        ({"test": (X, Y)}, r"data needs \"calibration\""),
        ({"calibration": (X, Y), "test": (X,)}, r"test must be \(inputs, targets\), got \(Tensor\)"),
        (X, r"data must be a pair of \(inputs, targets\), or .*, got Tensor"),
    ],
)
def test_what_is_no_data_is_told(given: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        split(given)


def test_pairs_and_mappings_are_taken() -> None:
    assert split((X, Y)) == ((X, Y), None)
    assert split({"calibration": ((X, X), Y)}) == (((X, X), Y), None)


def test_a_callable_that_gives_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"test_data:nothing\(\) returned None"):
        load("tests.app.test_data:nothing")
    with pytest.raises(ValueError, match=r"^data is spelled module:callable, got 'here'$"):
        load("here")
