"""A weight as sums of vectors from learned codebooks.

Egiazarian et al., AQLM, arXiv 2401.06118, in its plainest form: codebooks by k-means of what those before them leave
(Chen et al., Approximate Nearest Neighbor Search by Residual Vector Quantization, doi 10.3390/s101211259), then codes
and codebooks in turn on the weights themselves; no calibration inputs, no beam search, no fine-tuning (PV-Tuning).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

ROUNDS = 8
"""Passes of k-means, and then of codes and codebooks in turn."""


@dataclass(frozen=True, eq=False)
class Coded:
    """`codes` int[codebooks, rows, groups], `books` [codebooks, 2^bits, group], `scales` [rows]."""

    codes: "torch.Tensor"
    books: "torch.Tensor"
    scales: "torch.Tensor"

    def decode(self) -> "torch.Tensor":
        """Return the weight [rows, columns]: the sum of each group's vectors times its row's scale."""
        import torch

        summed = torch.stack([book[code] for book, code in zip(self.books, self.codes, strict=True)]).sum(0)
        return summed.flatten(1).double() * self.scales[:, None]


def encode(matrix: "torch.Tensor", *, codebooks: int, code_bits: int, group: int, seed: int = 0) -> Coded:
    """Code a weight [rows, columns]; ValueError where the group does not divide its columns, or for too few groups."""
    import torch

    rows, columns = matrix.shape
    size = 2**code_bits
    if group < 1 or columns % group or rows * (columns // group) < size:
        raise ValueError(
            f"a group must divide the columns and 2^code_bits groups are needed, got {group=}, {rows=}, {columns=}"
        )
    scales = matrix.double().pow(2).mean(1).sqrt().clamp_min(1e-30)
    vectors = (matrix.double() / scales[:, None]).reshape(-1, group).float()
    generator = torch.Generator().manual_seed(seed)
    books: list[torch.Tensor] = []
    codes: list[torch.Tensor] = []
    left = vectors
    for _ in range(codebooks):
        book, code = _k_means(left, size, generator)
        books.append(book)
        codes.append(code)
        left = left - book[code]
    for _ in range(ROUNDS if codebooks > 1 else 0):
        for i in range(codebooks):
            target = left + books[i][codes[i]]
            codes[i] = _nearest(target, books[i])
            books[i] = _means(target, codes[i], books[i])
            left = target - books[i][codes[i]]
    return Coded(torch.stack(codes).reshape(codebooks, rows, -1), torch.stack(books), scales)


def _k_means(vectors: "torch.Tensor", size: int, generator: "torch.Generator") -> "tuple[torch.Tensor, torch.Tensor]":
    import torch

    book = vectors[torch.randperm(len(vectors), generator=generator)[:size]].clone()
    for _ in range(ROUNDS):
        book = _means(vectors, _nearest(vectors, book), book)
    return book, _nearest(vectors, book)


def _nearest(vectors: "torch.Tensor", book: "torch.Tensor") -> "torch.Tensor":
    """The code of each vector's nearest: the least |b|^2 - 2 x b."""
    return (book.pow(2).sum(1) - 2 * vectors @ book.T).argmin(1)


def _means(vectors: "torch.Tensor", code: "torch.Tensor", book: "torch.Tensor") -> "torch.Tensor":
    """The mean of the vectors of each code; one that no vector has stays."""
    import torch

    count = torch.bincount(code, minlength=len(book)).to(vectors)[:, None]
    total = torch.zeros_like(book).index_add_(0, code, vectors)
    return torch.where(count > 0, total / count.clamp_min(1), book)
