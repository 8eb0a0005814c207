"""A layer that runs again costs what as many layers do, its parameters aside, and holds in memory what torch does."""

from typing import Any

import numpy as np
import pytest
import torch
from live_storages import Live
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.fx import Interpreter
from torch.nn import functional
from torch.utils._pytree import tree_leaves

import costmodel as cm
from costmodel.estimators.footprint import alive_bytes, peak_activation_bytes
from costmodel.estimators.fusion import fuse
from costmodel.importers import torch_export
from costmodel.workload.training import training

RUNS = 4
PARAMETERS = ("params", "weight_bytes", "gradient_bytes", "optimizer_bytes", "footprint_bytes")


class Block(nn.Module):
    """A transformer's block."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(32, 96), nn.Linear(32, 32)
        self.up, self.down, self.norm = nn.Linear(32, 128), nn.Linear(128, 32), nn.LayerNorm(32)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).view(2, 16, 3, 4, 8).transpose(1, 3).unbind(2)
        x = x + self.out(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(2, 16, 32))
        return x + self.down(functional.gelu(self.up(self.norm(x))))


class Stack(nn.Module):
    """Blocks in a row: one, as in ALBERT, or each with parameters of its own."""

    def __init__(self, *, shared: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block()] * RUNS if shared else [Block() for _ in range(RUNS)])

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x


class Pyramid(nn.Module):
    """One head on several resolutions, as in RetinaNet."""

    def __init__(self, *, shared: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4, 4, 3, padding=1)
        heads = [nn.Conv2d(4, 8, 3, padding=1) for _ in range(RUNS)]
        self.heads = nn.ModuleList(heads[:1] * RUNS if shared else heads)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x, found = self.stem(x), []
        for head in self.heads:
            found.append(head(x))
            x = functional.avg_pool2d(x, 2)
        return tuple(found)


NETWORKS = {"albert": (Stack, (2, 16, 32)), "pyramid": (Pyramid, (1, 4, 32, 32))}


class Freeing(Interpreter):
    """Runs a graph on an input of its own, which is freed, as all results are, after it was read last."""

    def placeholder(self, *of_node: Any) -> Any:
        return torch.ones_like(super().placeholder(*of_node))


def saved_bytes(module: nn.Module, x: Tensor) -> int:
    own = {p.untyped_storage()._cdata for p in module.parameters()}
    kept: dict[int, Tensor] = {}
    with saved_tensors_hooks(lambda t: kept.setdefault(t.untyped_storage()._cdata, t), lambda t: t):
        module(x)
    floats = {at: t for at, t in kept.items() if at not in own and t.is_floating_point()}
    return sum(t.untyped_storage().nbytes() for t in floats.values())


@pytest.mark.parametrize("kind", NETWORKS)
def test_live_activations_are_torch_s(kind: str) -> None:
    module, x = NETWORKS[kind][0](shared=True), torch.zeros(NETWORKS[kind][1])
    workload = torch_export.read(module, x, strict=True)
    exported = torch.export.export(module, (x,)).module()
    with torch.no_grad(), Live(exported) as live:
        Freeing(exported).run(x)
    assert peak_activation_bytes(workload, cm.W32A32) == live.peak

    step = training(workload)
    alive = alive_bytes(step, cm.W32A32)
    forward = int(np.flatnonzero([".grad_" in op.name for op in step.ops])[0])
    for_the_loss = sum(result.nbytes for result in tree_leaves(module(x))[:-1])
    assert alive[forward - 1] == pytest.approx(saved_bytes(module, x) + for_the_loss, rel=0.03)


@pytest.mark.parametrize("phase", ["forward", "training"])
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_layer_run_again_costs_as_much_as_another(kind: str, phase: str) -> None:
    network, shape = NETWORKS[kind]
    shared, apart = (torch_export.read(network(shared=s), torch.zeros(shape)) for s in (True, False))
    if phase == "training":
        shared, apart = training(shared), training(apart)
    found, expected = (cm.estimate(w, "bf16", cm.gpu("l40s")).totals for w in (shared, apart))
    if phase == "training":  # the runs' gradients by the same weights are added up
        again = sum(op.params * (1 - 1 / op.count) for op in shared.ops if op.params and op.count > 1)
        expected = {**expected, "vector_flops": expected["vector_flops"] + RUNS * again}
    counts = {*expected} - {*PARAMETERS}
    if kind == "pyramid":  # one op of mean shape: what is no sum over the runs is near
        counts = {"macs", "flops", "vector_flops", "bytes_moved", "peak_activation_bytes"}
    assert {n: found[n] for n in counts} == pytest.approx({n: expected[n] for n in counts}, rel=1e-9)
    assert found["params"] < 0.5 * expected["params"]


class Towers(nn.Module):
    """RetinaNet's tower of convolutions with an activation after each, on several resolutions."""

    def __init__(self, *, shared: bool) -> None:
        super().__init__()
        towers = [nn.ModuleList(nn.Conv2d(64, 64, 3, padding=1) for _ in range(2)) for _ in range(RUNS)]
        self.towers = nn.ModuleList(towers[:1] * RUNS if shared else towers)

    def forward(self, *images: Tensor) -> tuple[Tensor, ...]:
        found = []
        for tower, image in zip(self.towers, images, strict=True):
            x = image
            for layer in tower:
                x = functional.relu(layer(x))
            found.append(x)
        return tuple(found)


def test_an_activation_joins_each_run_of_a_layer_on_several_resolutions() -> None:
    images = tuple(torch.zeros(1, 64, size, size) for size in (100, 50, 25, 13))
    fused = {s: fuse(torch_export.read(Towers(shared=s), images).ops) for s in (True, False)}
    apart, shared = ([op.name for op in fused[s] if op.kind == "activation" and op.launches] for s in (False, True))
    assert not apart
    assert not shared
