"""An imported training step holds the storages that torch does: losses, checkpoints, many outputs."""

from dataclasses import replace

import pytest
import torch
from live_storages import step
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

import costmodel as cm
from costmodel import models
from costmodel.estimators.footprint import peak_activation_bytes
from costmodel.importers import torch_export
from costmodel.workload import Workload, plain
from costmodel.workload.training import retrained, training


class Words(nn.Module):
    """A classifier of tokens with its loss inside."""

    def __init__(self, loss: str) -> None:
        super().__init__()
        self.table, self.head, self.loss = nn.Embedding(40, 16), nn.Linear(16, 500, bias=False), loss

    def forward(self, tokens: Tensor) -> Tensor:
        scores, target = self.head(self.table(tokens)).flatten(0, 1), tokens.flatten()
        if self.loss == "nll":
            return functional.nll_loss(functional.log_softmax(scores, -1), target)
        if self.loss == "smoothed":
            return functional.cross_entropy(scores, target, label_smoothing=0.1)
        return functional.cross_entropy(scores, target)


class Compared(nn.Module):
    """A regression with its loss inside."""

    def __init__(self, loss: str) -> None:
        super().__init__()
        self.layer, self.loss = nn.Linear(16, 64), loss

    def forward(self, x: Tensor) -> Tensor:
        loss = {"mse": functional.mse_loss, "bce": functional.binary_cross_entropy_with_logits}[self.loss]
        return loss(self.layer(x), torch.ones(x.shape[0], 64))


TOKENS = torch.zeros(2, 32, dtype=torch.long)
X = torch.zeros(64, 16)
LOSSES: dict[str, tuple[nn.Module, Tensor]] = {
    **{loss: (Words(loss), TOKENS) for loss in ("cross_entropy", "nll", "smoothed")},
    **{loss: (Compared(loss), X) for loss in ("mse", "bce")},
}


@pytest.mark.parametrize("kind", LOSSES)
def test_a_loss_within_the_module_holds_what_torch_s_does(kind: str) -> None:
    net, x = LOSSES[kind]
    read = torch_export.read(net, x, strict=True)
    flops, peak = step(net, x)
    assert sum(op.flops for op in training(read).ops) == flops
    if kind in ("cross_entropy", "nll"):
        assert peak_activation_bytes(training(read), cm.W32A32) == pytest.approx(peak, rel=0.01, abs=X.nbytes)


def test_log_probabilities_are_kept_and_one_of_each_row_is_read() -> None:
    read = torch_export.read(Words("cross_entropy"), TOKENS)
    made, picked = read.op("cross_entropy_loss.log_softmax"), read.op("cross_entropy_loss.nll_loss")
    assert (made.output_elements, picked.input_elements, picked.inputs[0]) == (64 * 500, 64, made.name)
    gradient = training(read).op(f"{picked.name}.grad_input")
    assert gradient.output_elements == made.output_elements
    assert peak_activation_bytes(read, cm.W32A32) == 2 * 4 * made.output_elements


class Block(nn.Module):
    """A transformer's block without dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.qkv, self.out = nn.LayerNorm(32), nn.Linear(32, 96), nn.Linear(32, 32)
        self.up, self.down = nn.Linear(32, 128), nn.Linear(128, 32)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm(x)).view(2, 64, 3, 4, 8).permute(2, 0, 3, 1, 4)
        x = x + self.out(((q @ k.mT).softmax(-1) @ v).transpose(1, 2).reshape(2, 64, 32))
        return x + self.down(functional.gelu(self.up(x)))


class Checkpointed(nn.Module):
    """Blocks whose activations are computed anew, after one whose are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.blocks = Block(), nn.ModuleList(Block() for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False)
        return x


def test_what_is_checkpointed_is_computed_anew_where_torch_does(tmp_path) -> None:
    net, x = Checkpointed(), torch.zeros(2, 64, 32)
    read = torch_export.read(net, x, strict=True)
    done = training(read)
    flops, peak = step(net, x)
    assert sum(op.flops for op in done.ops) == flops
    assert peak_activation_bytes(done, cm.W32A32) == pytest.approx(peak, rel=0.04)
    assert peak_activation_bytes(done, cm.W32A32) < 0.6 * peak_activation_bytes(_kept(read), cm.W32A32)
    assert not any(op.recomputed for op in read.ops if op.name.startswith("first."))
    assert retrained(done, lambda workload: workload) == done
    path = tmp_path / "ops.json"
    path.write_text(plain.to_json(read))
    assert models.load(f"ops:{path}", phase="training") == done


def _kept(read: Workload) -> Workload:
    """The step that keeps all results."""
    return training(read.map(lambda op: replace(op, recomputed=False)))


class Functions(nn.Module):
    """A function that is checkpointed, with reentrant autograd: no module's name tells it apart."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        return self.c(checkpoint(lambda y: self.b(torch.tanh(y)).sigmoid(), self.a(x), use_reentrant=True))


def test_a_function_is_checkpointed_too() -> None:
    read = torch_export.read(Functions(), X)
    assert [op.name for op in read.ops if op.recomputed] == ["tanh", "b"]


class Many(nn.Module):
    """Many results, the largest long before the end, of features that are put side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Sequential(nn.Linear(16 * i, 16), nn.ReLU()) for i in range(1, 5))
        self.wide = nn.Linear(16, 256)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = [x]
        for layer in self.layers:
            features.append(layer(torch.cat(features, -1)))
        return self.wide(features[1]), torch.cat(features, -1)


class Summed(nn.Module):
    """A network with a loss that adds all of its results up at the end."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        results = self.net(x)
        return sum(result.sum() for result in results)


def test_results_live_until_the_loss_and_parts_of_a_gradient_are_no_copies() -> None:
    net = Many()
    found = peak_activation_bytes(training(torch_export.read(net, X)), cm.W32A32)
    assert found == pytest.approx(step(Summed(net), X)[1], abs=X.nbytes + 100)


class Attention(nn.Module):
    """Fused attention, whose gradient reads its result again."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.kv, self.out = nn.Linear(64, 64), nn.Linear(64, 32), nn.Linear(64, 64)

    def forward(self, x: Tensor) -> Tensor:
        q, kv = self.q(x).view(2, 100, 4, 16).transpose(1, 2), self.kv(x).view(2, 100, 2, 16).transpose(1, 2)
        y = functional.scaled_dot_product_attention(q, kv, kv, is_causal=True, enable_gqa=True)
        return self.out(y.transpose(1, 2).reshape(2, 100, 64))


def test_an_attention_s_result_is_kept_for_its_gradient() -> None:
    net, x = Attention(), torch.zeros(2, 100, 64)
    found = peak_activation_bytes(training(torch_export.read(net, x)), cm.W32A32)
    logsumexp = 4 * 2 * 4 * 100
    assert found == step(net, x)[1] - logsumexp - 8
