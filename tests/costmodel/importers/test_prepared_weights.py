"""What a module computes of its parameters alone, and products that read one: a step's FLOPs are torch's autograd's.

torch's counter is the oracle. A pass of inference runs none of it, as it can be computed once.
"""

import pytest
import torch
from live_storages import step
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

import costmodel as cm
from costmodel import models
from costmodel.estimators.footprint import peak_activation_bytes
from costmodel.importers import torch_export
from costmodel.workload import plain
from costmodel.workload.training import retrained, training


def learned(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.ones(shape))


class Adapted(nn.Module):
    """A layer with its update merged in: Hu et al., LoRA, arXiv 2106.09685; Liu et al., DoRA, arXiv 2402.09353."""

    def __init__(self, *, frozen: bool = True, norm: str = "", width: int = 12) -> None:
        super().__init__()
        self.weight, self.bias, self.norm = learned(width, 10).requires_grad_(not frozen), learned(width), norm
        self.down, self.up = learned(3, 10), learned(width, 3)
        self.magnitude = learned(width, 1) if norm else None

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight + 2.0 * (self.up @ self.down)
        if self.magnitude is not None:
            norm = weight.norm(dim=1, keepdim=True)
            weight = self.magnitude * weight / (norm.detach() if self.norm == "detached" else norm)
        return F.linear(x, weight, self.bias)


class Two(nn.Module):
    """Two of them, so that one has a gradient by input."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.between = Adapted(), nn.Linear(12, 10).requires_grad_(False)
        self.last = Adapted(norm="whole")

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.between(self.first(x)).relu())


class Rotated(nn.Module):
    """A frozen weight times learned blocks: Qiu et al., Orthogonal Finetuning, arXiv 2306.07280."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks, self.layer = learned(2, 5, 5), nn.Linear(10, 12)
        self.layer.weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.einsum("gij,ogj->ogi", self.blocks, self.layer.weight.view(12, 2, 5))
        return F.linear(x, weight.reshape(12, 10), self.layer.bias)


class Factors(nn.Module):
    """A weight of three factors, used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = learned(10, 4), learned(4, 6), learned(6, 10)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.a @ self.b @ self.c
        return torch.relu(x @ weight) @ weight


class Heads(nn.Module):
    """One weight in two products of the input, once transposed."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = learned(6, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return F.linear(x, self.weight), F.linear(x[:, :6], self.weight.t())


class Penalised(nn.Module):
    """A loss with a penalty on what the weight is not orthogonal."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(10, 12)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.layer.weight
        return self.layer(x).sum() + (weight @ weight.t()).square().sum()


class Apart(Penalised):
    """The penalty beside the results."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        weight = self.layer.weight
        return self.layer(x), (weight @ weight.t()).square().sum()


class Standardised(nn.Module):
    """Convolutions of weights with mean 0 and deviation 1: Qiao et al., Weight Standardization, arXiv 1903.10520."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 8, 2), nn.Conv2d(8, 4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x.view(1, 1, *x.shape)
        for layer in (self.first, self.last):
            weight = layer.weight - layer.weight.mean((1, 2, 3), keepdim=True)
            x = F.conv2d(x, weight / (weight.std((1, 2, 3), keepdim=True) + 1e-5), layer.bias)
        return x


class Queries(nn.Module):
    """Attention of learned queries, as a pooling head has them; Jaegle et al., Perceiver, arXiv 2103.03206."""

    def __init__(self, *, norm: bool = False, frozen: bool = False) -> None:
        super().__init__()
        self.query, self.norm = learned(3, 10), nn.LayerNorm(10) if norm else nn.Identity()
        self.query.requires_grad_(not frozen)
        self.attention = nn.MultiheadAttention(10, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        query, x = self.norm(self.query).expand(2, -1, -1), torch.stack([x, x])
        return self.attention(query, x, x)[0]


class Induced(nn.Module):
    """Learned points, attended with gradients by keys and values too: Lee et al., Set Transformer, arXiv 1810.00825."""

    def __init__(self) -> None:
        super().__init__()
        self.points, self.key, self.value = learned(4, 10), nn.Linear(10, 10), nn.Linear(10, 10)

    def forward(self, x: Tensor) -> Tensor:
        scores = (self.points @ self.key(x).t()).softmax(-1)
        return F.scaled_dot_product_attention(self.points[None], (scores @ self.value(x))[None], self.points[None])


class Generated(nn.Module):
    """A layer whose weights another one makes of a code: Ha et al., HyperNetworks, arXiv 1609.09106."""

    def __init__(self) -> None:
        super().__init__()
        self.code, self.weights = learned(1, 5), nn.Linear(5, 80)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weights(self.code).view(8, 10))


class Started(nn.Module):
    """A recurrence from a learned state."""

    def __init__(self, *, frozen: bool = False) -> None:
        super().__init__()
        self.rnn, self.state = nn.GRU(10, 5), learned(1, 1, 5).requires_grad_(not frozen)

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(x[:, None], self.state)[0]


class Placed(nn.Module):
    """Keys that a weight makes of constant places: Dai et al., Transformer-XL, arXiv 1901.02860."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel, self.query = learned(10, 2, 5), nn.Linear(10, 10)
        self.register_buffer("places", torch.ones(4, 10))

    def forward(self, x: Tensor) -> Tensor:
        keys = torch.einsum("td,dnh->tnh", self.places, self.kernel)
        return torch.einsum("bnh,tnh->bnt", self.query(x).view(-1, 2, 5), keys)


class Prompted(nn.Module):
    """A learned prompt before tokens of a frozen network: Lester et al., Prompt Tuning, arXiv 2104.08691."""

    def __init__(self) -> None:
        super().__init__()
        self.prompt = learned(2, 10)
        self.body = nn.TransformerEncoderLayer(10, 2, 16, dropout=0.0).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(torch.cat([self.prompt, x])[:, None])


NETS: dict[str, nn.Module] = {
    "merged": Adapted(),
    "merged, all trains": Adapted(frozen=False),
    "magnitude": Adapted(norm="whole"),
    "magnitude, norm detached": Adapted(norm="detached"),
    "two": Two(),
    "before a head": nn.Sequential(Adapted().requires_grad_(False), nn.Linear(12, 4)),
    "rotated": Rotated(),
    "factors": Factors(),
    "heads": Heads(),
    "penalised": Penalised(),
    "penalty apart": Apart(),
    "standardised": Standardised(),
    "weight norm": parametrizations.weight_norm(nn.Linear(10, 12)),
    "queries": Queries(),
    "queries after a norm": Queries(norm=True),
    "frozen queries": Queries(frozen=True),
    "induced": Induced(),
    "generated": Generated(),
    "started": Started(),
    "started, frozen": Started(frozen=True),
    "placed": Placed(),
    "prompted": Prompted(),
}
X = torch.ones(7, 10)


@pytest.mark.parametrize("kind", NETS)
def test_a_step_is_that_of_autograd(kind: str, tmp_path) -> None:
    net = NETS[kind].double().eval()
    net.zero_grad()
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        results = net(X.double())
        torch.autograd.backward([r.sum() for r in (results if isinstance(results, tuple) else (results,))])
    trained = sum(p.numel() for p in net.parameters() if p.grad is not None)
    read = torch_export.read(net.float(), X, strict=True)
    done = training(read)
    assert sum(op.flops for op in done.ops) == counter.get_total_flops()
    assert sum(op.trained_params for op in done.ops) == pytest.approx(trained, rel=1e-12)
    assert sum(op.params for op in read.ops) == sum(p.numel() for p in net.parameters())
    assert cm.estimate(done, cm.W32A32, cm.gpu("l4")).totals["gradient_bytes"] == pytest.approx(4 * trained)
    assert retrained(done, lambda workload: workload) == done
    path = tmp_path / "ops.json"
    path.write_text(plain.to_json(read))
    assert models.load(f"ops:{path}", phase="training") == done


def test_an_inference_runs_the_layer_alone_with_all_that_it_stores() -> None:
    net = Adapted()
    read = torch_export.read(net, X)
    assert [(op.kind, op.params, op.flops) for op in read.ops] == [("linear", 198, 2 * 7 * 10 * 12)]
    assert read.layers == (read.ops[0].name,)
    assert [op.name for op in read.prepared] == ["matmul.prepared", "mul.prepared", "add.prepared"]


@pytest.mark.parametrize("kind", ["merged", "merged, all trains", "factors"])
def test_merged_weights_and_their_gradient_are_held(kind: str) -> None:
    net = {"merged": Adapted(width=512), "merged, all trains": Adapted(frozen=False, width=512), "factors": Factors()}
    done = training(torch_export.read(net[kind], X))
    held = step(net[kind], X)[1]
    assert peak_activation_bytes(done, cm.W32A32) == pytest.approx(held, rel=0.25)


def test_what_is_checkpointed_is_prepared_anew() -> None:
    class Again(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(Adapted(), nn.Tanh(), nn.Linear(12, 12))
            self.last = nn.Linear(12, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(checkpoint(self.inner, x, use_reentrant=False))

    net = Again()
    done = training(torch_export.read(net, X, strict=True))
    assert sum(op.flops for op in done.ops) == step(net, X)[0]


def test_what_is_not_known_of_prepared_weights_is_said_of_a_step_alone() -> None:
    net = parametrizations.orthogonal(nn.Linear(10, 10), orthogonal_map="cayley")
    read = torch_export.read(net, X, strict=True)
    assert [name for name in training(read).uncounted if "linalg" in name]
