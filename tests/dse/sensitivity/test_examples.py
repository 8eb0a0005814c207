"""Calibration data of many kinds come to the same tensors."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from dse.sensitivity.examples import gathered

X, Y = torch.arange(60.0).reshape(12, 5), torch.arange(12) % 3


class Stream(IterableDataset):
    def __iter__(self):
        return iter(zip(X, Y, strict=True))


class Keyed:
    """A data set as Hugging Face's are: no torch class, examples are mappings."""

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return {"pixels": X[i].numpy(), "label": int(Y[i])}


@pytest.mark.parametrize(
    "data",
    [
        (X, Y),
        [X, Y],
        (X.numpy(), Y.numpy()),
        ((X,), Y),
        TensorDataset(X, Y),
        DataLoader(TensorDataset(X, Y), 5),
        DataLoader(TensorDataset(X, Y), None),
        Stream(),
        [(X[:7], Y[:7]), (X[7:], Y[7:])],
        list(zip(X, Y, strict=True)),
        ((X[i : i + 4], Y[i : i + 4]) for i in range(0, 12, 4)),
    ],
)
def test_pairs_of_every_kind_are_the_same_tensors(data) -> None:
    inputs, targets, _ = gathered(data)
    (x,) = inputs if isinstance(inputs, tuple) else (inputs,)
    assert torch.equal(x, X)
    assert torch.equal(targets, Y)


@pytest.mark.parametrize(
    "data",
    [
        {"pixels": X, "labels": Y},
        ({"pixels": X}, Y),
        Keyed(),
        DataLoader(Keyed(), 5),
        [{"pixels": X[:5], "labels": Y[:5]}, {"labels": Y[5:], "pixels": X[5:]}],
    ],
)
def test_keyword_arguments_keep_their_names_and_labels_are_targets(data) -> None:
    inputs, targets, _ = gathered(data)
    assert list(inputs) == ["pixels"]
    assert torch.equal(inputs["pixels"], X)
    assert torch.equal(targets, Y)


@pytest.mark.parametrize("data", [X, (X,), (X, None), {"x": X}, TensorDataset(X), DataLoader(X, 4), X.numpy()])
def test_inputs_alone_have_no_targets(data) -> None:
    inputs, targets, _ = gathered(data)
    assert targets is None
    assert torch.equal(next(iter(inputs.values() if isinstance(inputs, dict) else inputs)), X)


def test_a_part_of_large_sets_is_taken_and_said() -> None:
    inputs, targets, told = gathered(TensorDataset(X, Y), most=4)
    assert torch.equal(inputs[0], X[::3])
    assert torch.equal(targets, Y[::3])
    assert told == "on 4 of 12 examples, evenly spaced"
    inputs, _, told = gathered(DataLoader(TensorDataset(X, Y), 3), most=4)
    assert torch.equal(inputs[0], X[:4])
    assert told == "on the first 4 examples of a loader"
    assert len(gathered((X, Y), most=4).targets) == 12


def test_a_loader_that_shuffles_gives_the_same_examples_each_time() -> None:
    loader, before = DataLoader(TensorDataset(X, Y), 3, shuffle=True), torch.get_rng_state()
    first, again = gathered(loader, most=6), gathered(loader, most=6)
    assert torch.equal(first.inputs[0], again.inputs[0])
    assert torch.equal(torch.get_rng_state(), before)


def test_arrays_of_double_precision_become_the_default_type() -> None:
    found = gathered((X.numpy().astype(float), Y.numpy().astype(np.int32)))
    assert found.inputs[0].dtype == torch.float32
    assert found.targets.dtype == torch.int32


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("digits", "data must be .*, got str"),
        ((X, Y, Y), r"got \(Tensor, Tensor, Tensor\)"),
        ({"labels": Y}, "got a mapping of labels"),
        ((X, Y[:5]), "data has 12 inputs and 5 targets"),
        (((X, X[:3]), Y), r"as many examples in each tensor, at least 1, got \[12, 3, 12\]"),
        (X[:0], "at least 1"),
        (TensorDataset(X[:0]), "at least 1 example, got none"),
        ([(X, Y), (X[:, :3], Y)], "examples of one shape: pad"),
        ([(X[0], Y[:5])], "may be of examples or of batches"),
        ({"x": ["a", "b"]}, r"got \{x: \(str, str\)\}"),
        (torch.tensor(1.0), "an axis of examples"),
        (
            (torch.where(torch.arange(len(X))[:, None] == 2, torch.nan, X), Y),
            "data must be numbers, got nan in .* of 12 examples",
        ),
    ],
)
def test_other_data_are_told_in_a_line(data, told) -> None:
    with pytest.raises(ValueError, match=told):
        gathered(data)
