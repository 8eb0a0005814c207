"""Parameters that do not train have no gradients, no states, and keep no activations: as in torch's autograd."""

import pytest
import torch
from live_storages import step
from torch import Tensor, nn
from torch.nn import functional

import costmodel as cm
from costmodel import models
from costmodel.estimators.footprint import peak_activation_bytes
from costmodel.importers import torch_export
from costmodel.workload import Workload, plain
from costmodel.workload.training import retrained, training


def frozen(layer: nn.Module) -> nn.Module:
    return layer.requires_grad_(False)


class Adapted(nn.Module):
    """A frozen layer beside two narrow ones: Hu et al., LoRA, arXiv 2106.09685."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = frozen(nn.Linear(64, 64))
        self.down, self.up = nn.Linear(64, 4, bias=False), nn.Linear(4, 64, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.whole(x) + self.up(self.down(x))


class Tied(nn.Module):
    """A language model whose table is frozen, as is the head that shares it."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.layer, self.head = nn.Embedding(50, 16), nn.Linear(16, 16), nn.Linear(16, 50, bias=False)
        self.head.weight = self.table.weight
        frozen(self.table)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(self.table(x.long())))


class Scores(nn.Module):
    """Products of activations, one of which nothing trains, and with a table of constants."""

    def __init__(self, which: int) -> None:
        super().__init__()
        layers = [nn.Linear(16, 16), nn.Linear(16, 16)]
        self.q, self.k = layers[0], layers[1]
        frozen(layers[which])
        self.register_buffer("table", torch.ones(16, 8))

    def forward(self, x: Tensor) -> Tensor:
        return ((self.q(x) @ self.k(x).mT).relu() @ x) @ self.table + functional.linear(x, self.table.mT)


class Recurring(nn.Module):
    """One layer, frozen or not, run again after one that trains."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.again = nn.Linear(16, 16), frozen(nn.Linear(16, 16))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for _ in range(3):
            x = torch.tanh(self.again(x))
        return x


def biases(net: nn.Module) -> nn.Module:
    """Ben-Zaken et al., BitFit, arXiv 2106.10199: biases train alone."""
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(name.endswith("bias"))
    return net


CNN = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Flatten())
NETWORKS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "head": (nn.Sequential(frozen(nn.Linear(16, 64)), nn.ReLU(), frozen(nn.Linear(64, 16)), nn.Linear(16, 4)), (8, 16)),
    "adapters": (nn.Sequential(Adapted(), nn.ReLU(), Adapted()), (16, 64)),
    "biases": (biases(nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 16))), (8, 16)),
    "norms": (nn.Sequential(frozen(nn.Linear(16, 16)), nn.LayerNorm(16), frozen(nn.Linear(16, 16))), (8, 16)),
    "stem": (nn.Sequential(frozen(CNN), nn.Linear(8 * 16, 4)), (2, 3, 8, 8)),
    "tied": (Tied(), (4, 6)),
    "keys": (Scores(1), (8, 16)),
    "queries": (Scores(0), (8, 16)),
    "recurring": (Recurring(), (8, 16)),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_what_trains_alone_has_gradients_and_states(kind: str) -> None:
    net, shape = NETWORKS[kind]
    x = torch.zeros(shape)
    read = torch_export.read(net.eval(), x, strict=True)
    done = training(read)
    trained = sum(p.numel() for p in net.parameters() if p.requires_grad)
    assert sum(op.flops for op in done.ops) == step(net, x)[0]
    assert sum(op.trained_params for op in done.ops) == trained
    assert f"; {trained:,} of {sum(op.params for op in done.ops):,.0f} parameters train" in done.covers
    totals = cm.estimate(done, cm.W32A32, cm.gpu("l4")).totals
    assert (totals["gradient_bytes"], totals["optimizer_bytes"]) == (4 * trained, 8 * trained)
    assert retrained(done, lambda workload: workload) == done


@pytest.mark.parametrize("kind", ["head", "adapters", "biases"])
def test_activations_are_kept_for_what_trains_alone(kind: str) -> None:
    net, shape = NETWORKS[kind]
    x = torch.zeros(shape)
    done = training(torch_export.read(net, x))
    found = peak_activation_bytes(done, cm.W32A32)
    assert found == pytest.approx(step(net, x)[1], abs=x.nbytes + 4 * shape[0])


def test_what_trains_is_kept_in_a_file(tmp_path) -> None:
    read: Workload = torch_export.read(*NETWORKS["adapters"][:1], torch.zeros(16, 64))
    path = tmp_path / "ops.json"
    path.write_text(plain.to_json(read))
    assert models.load(f"ops:{path}", phase="training") == training(read)
    assert read.batch_of_ops.trained_weights.tolist() == [op.trained_weights for op in read.ops]


def test_nothing_to_train_is_said() -> None:
    net = frozen(nn.Linear(4, 4))
    with pytest.raises(ValueError, match="no parameter of Linear trains: requires_grad is False of all 20"):
        training(torch_export.read(net, torch.zeros(1, 4)))
