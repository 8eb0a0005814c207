"""Predicted connectivity, merged and chosen tokens on a transformer trained on digits."""

from math import ceil

import pytest
import torch

from app.demo.transformer import train_transformer
from costmodel.importers import torch_export
from costmodel.strategies import SparseAttention, TokenMerging, TokenPruning
from dse.compression import predict_connectivity, with_fewer_tokens
from dse.compression.tokens import Merger, choose
from dse.sensitivity.evaluate import accuracy

ATTENTIONS = [f"blocks.{i}.attn" for i in range(3)]
BLOCKS = [f"blocks.{i}" for i in range(3)]


@pytest.fixture(scope="module")
def vit(data):
    return train_transformer(data["train"], epochs=10)


@pytest.fixture(scope="module")
def workload(vit):
    return torch_export.read(vit, (torch.zeros(1, 1, 8, 8),))


def randn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_a_query_meets_its_budget_of_keys_and_the_class_token_all(vit, data):
    sparse = predict_connectivity(vit, ATTENTIONS, SparseAttention(0.3), data["calibration"], epochs=1)
    met = sparse.blocks[1].attn.connectivity(randn(5, 2, 17, 16), randn(5, 2, 17, 16))
    assert (met[:, :, 1:].sum(-1) == ceil(0.3 * 17)).all()
    assert met[:, :, 0].all()


def test_predicted_keys_lose_less_than_random_ones(vit, data):
    whole = accuracy(vit, data["test"])
    how = SparseAttention(0.25, reduce_tokens=4)
    sparse = predict_connectivity(vit, ATTENTIONS, how, data["train"], epochs=4)
    predicted = accuracy(sparse, data["test"])
    generator = torch.Generator().manual_seed(0)

    def any_keys(q, k):
        scores = torch.rand(*q.shape[:3], k.shape[2], generator=generator)
        met = torch.zeros_like(scores, dtype=torch.bool).scatter_(-1, scores.topk(ceil(0.25 * 17)).indices, True)
        met[..., 0, :] = True
        return met

    for block in sparse.blocks:
        del block.attn.connectivity
        block.attn.connectivity = any_keys
    assert whole - 0.15 < predicted
    assert predicted > accuracy(sparse, data["test"]) + 0.03
    assert vit.blocks[0].attn.connectivity is None


def test_merging_keeps_the_sum_of_tokens_and_the_class_token():
    x, k = randn(3, 17, 8), randn(3, 2, 17, 4)
    merger = Merger(TokenMerging(5))
    merged = merger.reduce(x, k, k, first=True)
    assert merged.shape == (3, 12, 8)
    assert (merger.sizes.sum(1) == 17).all()
    torch.testing.assert_close((merged * merger.sizes[..., None]).sum(1), x.sum(1))
    torch.testing.assert_close(merged[:, 0], x[:, 0])


def test_equal_tokens_merge_first():
    x = randn(1, 9, 4)
    x[:, 2] = x[:, 5]
    merged = Merger(TokenMerging(1)).reduce(x, x[:, None], x[:, None], first=True)
    rest = [i for i in range(9) if i != 2]
    torch.testing.assert_close(merged.sort(dim=1).values, x[:, rest].sort(dim=1).values)


def test_the_most_attended_tokens_stay():
    q, k = torch.zeros(1, 1, 5, 2), torch.zeros(1, 1, 5, 2)
    q[..., 0, 0] = 1.0
    k[0, 0, :, 0] = torch.tensor([0.0, 3.0, 1.0, 4.0, 2.0])
    x = torch.arange(5.0)[None, :, None]
    assert choose(TokenPruning(0.5), x, q, k).flatten().tolist() == [0, 3, 1]
    fused = choose(TokenPruning(0.5, fuse=True), x, q, k).flatten()
    assert len(fused) == 4
    assert 2 < fused[3] < 4


@pytest.mark.parametrize(
    "how", [TokenMerging(2), TokenMerging(100), TokenPruning(0.5, at=(0, 1)), TokenPruning(0.4, at=(1,), fuse=True)]
)
def test_layers_run_on_as_many_tokens_as_the_strategy_counts(vit, workload, how):
    fewer, seen = with_fewer_tokens(vit, BLOCKS, how), []
    for block in fewer.blocks:
        block.attn.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[1]))
        block.fc1.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[1]))
    with torch.no_grad():
        fewer(torch.zeros(2, 1, 8, 8))
    counted = [int(op.m) for op in how(workload).ops if op.kind == "attention" or op.name.endswith(".fc1")]
    assert seen == counted


def test_merging_loses_less_than_pruning_at_equal_products(vit, workload, data):
    def measured(how):
        products = sum(op.macs for op in how(workload).ops) / sum(op.macs for op in workload.ops)
        return products, accuracy(with_fewer_tokens(vit, BLOCKS, how), data["test"])

    (merged_cost, merged), (pruned_cost, pruned) = measured(TokenMerging(4)), measured(TokenPruning(0.7, at=(0, 1)))
    assert merged_cost < pruned_cost < 1
    assert merged > pruned
    assert merged > accuracy(vit, data["test"]) - 0.05


def test_bad_layers_are_one_line(vit):
    with pytest.raises(ValueError, match=r"layers 0 to 2, got \(5,\)"):
        with_fewer_tokens(vit, BLOCKS, TokenPruning(0.5, at=(5,)))
    with pytest.raises(ValueError, match="after the attention"):
        with_fewer_tokens(vit, BLOCKS, TokenPruning(0.5, at=(1,), place="block"))
