"""The torch importer on modules that are wrapped, cannot be traced, attend by flex_attention, or take another batch."""

import threading
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

from costmodel.importers import _wrappers, torch_export

TOKENS, INPUT = 16, torch.ones(2, 16, 32)
COMPILED = partial(torch.compile, backend="eager")
CAUSAL = create_block_mask(lambda _batch, _head, q, k: q >= k, None, None, TOKENS, TOKENS, device="cpu")


class Attends(nn.Module):
    def __init__(self, attend) -> None:
        super().__init__()
        self.qkv, self.attend = nn.Linear(32, 96), attend

    def forward(self, x: Tensor) -> Tensor:
        return self.attend(*self.qkv(x).view(2, TOKENS, 3, 4, 8).permute(2, 0, 3, 1, 4))


def test_flex_attention_is_the_attention_that_its_mask_leaves():
    plain = torch_export.read(Attends(partial(F.scaled_dot_product_attention, is_causal=True)), INPUT)
    flex = torch_export.read(Attends(partial(flex_attention, block_mask=CAUSAL)), INPUT, strict=True)
    assert [replace(op, name="") for op in flex.ops] == [replace(op, name="") for op in plain.ops]
    assert flex.ops[-1].mask_density == (TOKENS + 1) / (2 * TOKENS)


def test_a_function_of_scores_is_uncounted():
    biased = partial(flex_attention, score_mod=lambda score, _batch, _head, q, k: score + (q - k))
    found = torch_export.read(Attends(biased).requires_grad_(False), INPUT)
    assert found.uncounted == ("flex_attention.score_mod (2 operators a score)",)
    assert found.ops[-1].mask_density == 1


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


@pytest.mark.parametrize("wrap", [COMPILED, nn.DataParallel, lambda m: COMPILED(nn.DataParallel(m))])
def test_layers_of_a_wrapped_module_have_their_own_names(wrap):
    x = torch.ones(3, 4)
    assert torch_export.read(wrap(net()), x) == torch_export.read(net(), x)


def test_wrappers_within_a_module_are_taken_off():
    parts = nn.Sequential(net(), nn.ReLU())
    parts[0][2] = COMPILED(parts[0][2])
    parts[0] = nn.DataParallel(parts[0])
    names = [name for name, _ in _wrappers.bare(nn.DataParallel(parts)).named_modules()]
    assert names == [name for name, _ in nn.Sequential(net(), nn.ReLU()).named_modules()]


class Locked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


class Quantised(nn.Linear):
    pass


Quantised.__module__ = "torch.ao.nn.quantized.dynamic.modules.linear"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("module", "told"),
    [
        (lambda: nn.Sequential(Locked()), "Sequential cannot be copied, as 0.lock cannot (TypeError: cannot pickle "),
        (lambda: nn.Sequential(nn.LazyLinear(3)), "0.weight of Sequential has no shape yet: run the module once on "),
        (lambda: nn.Sequential(Quantised(4, 4)), "layer 0 of Sequential is converted to quantised kernels, which "),
        (lambda: torch.jit.script(net()), "RecursiveScriptModule is TorchScript: give the Python module that "),
    ],
)
def test_what_cannot_be_traced_is_told_with_what_helps(module, told):
    with pytest.raises(ValueError, match=r"\A[^\n]*\Z") as caught:
        torch_export.read(module(), torch.ones(2, 4))
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize("batch", [1, 5])
def test_example_inputs_of_another_batch_are_those_repeated_or_left_out(batch):
    inputs = {"x": torch.ones(2, 4), "more": [torch.arange(6).reshape(2, 3), torch.tensor(1.0), "text"]}
    found = torch_export.batched(inputs, batch)
    assert found["x"].shape == (batch, 4)
    assert found["more"][0].tolist() == [[0, 1, 2], [3, 4, 5], [0, 1, 2], [3, 4, 5], [0, 1, 2]][:batch]
    assert found["more"][1:] == inputs["more"][1:]
    assert torch_export.read(net(), torch_export.batched(torch.ones(2, 4), batch)) == torch_export.read(
        net(), torch.ones(batch, 4)
    )


def test_inputs_without_one_batch_take_no_other():
    with pytest.raises(ValueError, match="a batch of 4 needs example inputs of one first dimension, got 2 x 3, 5: "):
        torch_export.batched((torch.ones(2, 3), torch.ones(5)), 4)
    assert torch_export.batched("as it is", None) == "as it is"
