"""Recurrent layers and attention opened: equal outputs, and each matrix a choice with a measured loss."""

from typing import Any

import pytest
import torch
from torch import nn

import dse
from costmodel.importers import torch_export
from dse.sensitivity import quantisable
from dse.sensitivity._unrolled_attention import UnrolledAttention
from dse.sensitivity.opening import opened

LAYERS = {
    "lstm": nn.LSTM(6, 5),
    "deep": nn.LSTM(6, 5, 3, batch_first=True, bidirectional=True),
    "projected": nn.LSTM(6, 5, 2, proj_size=3, bidirectional=True),
    "no bias": nn.LSTM(6, 5, 2, bias=False, dropout=0.5),
    "gru": nn.GRU(6, 5, 2, batch_first=True, bidirectional=True),
    "tanh": nn.RNN(6, 5),
    "relu": nn.RNN(6, 5, 2, nonlinearity="relu", bias=False),
}


def flat(result: Any) -> list[torch.Tensor]:
    return [result] if isinstance(result, torch.Tensor) else [t for part in result for t in flat(part)]


@pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")
@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("shape", [(4, 3), (1, 1), (7,)])
@pytest.mark.parametrize("with_state", [False, True])
def test_opened_layers_equal_torch(kind: str, shape: tuple[int, ...], with_state: bool) -> None:
    module = LAYERS[kind].double().eval()
    x = torch.randn(*shape, 6, dtype=torch.float64)
    state = flat(module(x)[1]) if with_state else []
    given = () if not state else ((tuple(state),) if len(state) == 2 else (state[0],))
    twin = opened(nn.Sequential(module), (torch.randn(4, 3, 6, dtype=torch.float64),))[0]
    assert type(twin).__name__ == "UnrolledLayers"
    for one, other in zip(flat(module(x, *given)), flat(twin(x, *given)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("cell", [nn.LSTMCell(6, 5), nn.GRUCell(6, 5), nn.RNNCell(6, 5, nonlinearity="relu")])
def test_opened_cells_equal_torch(cell: nn.Module) -> None:
    cell, x = cell.double().eval(), torch.randn(3, 6, dtype=torch.float64)
    twin = opened(cell, x)
    assert quantisable(twin) == ("ih", "hh")
    for one, other in zip(flat(cell(x)), flat(twin(x)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


class Reader(nn.Module):
    """An embedding, recurrent layers and a head on their last state."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(11, 8)
        self.rnn = nn.LSTM(8, 12, batch_first=True, bidirectional=True)
        self.head = nn.Linear(24, 3)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        _, (h, _) = self.rnn(self.table(tokens))
        logits: torch.Tensor = self.head(torch.cat([h[0], h[1]], dim=-1))
        return logits


def test_each_recurrent_matrix_is_a_choice_with_a_measured_loss() -> None:
    torch.manual_seed(0)
    module, tokens = Reader().eval(), torch.randint(11, (32, 9))
    choices = dse.choices(module, ["int2/int8", "int8/int8"], (tokens, torch.zeros(32, dtype=torch.int64)))
    problem = choices.on(dse_device())
    recurrent = ("rnn.ih_l0", "rnn.hh_l0", "rnn.ih_l0_reverse", "rnn.hh_l0_reverse")
    assert problem.layers == ("table", *recurrent, "head") == torch_export.read(module, (tokens,)).layers
    rows = [problem.layers.index(name) for name in recurrent]
    assert (problem.loss[rows, 0] > 10 * problem.loss[rows, 1]).all()
    assert (problem.loss[rows, 1] >= 0).all()
    assert isinstance(module.rnn, nn.LSTM)


def dse_device() -> Any:
    import costmodel as cm

    return cm.gpu("a100_sxm")


def test_what_cannot_be_opened_stays_whole() -> None:
    class Packed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(4, 4, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([2] * len(x)), batch_first=True)
            return self.rnn(packed)[1][0]

    module = Packed()
    assert opened(module, torch.zeros(3, 2, 4)) is module
    plain = nn.Linear(3, 3)
    assert opened(plain, torch.zeros(1, 3)) is plain


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("cross", [False, True])
def test_opened_attention_equals_torch(batch_first: bool, bias: bool, cross: bool) -> None:
    torch.manual_seed(0)
    module = nn.MultiheadAttention(12, 3, batch_first=batch_first, bias=bias).double().eval()
    twin = UnrolledAttention(module)
    x = torch.randn(2, 5, 12, dtype=torch.float64)
    y = torch.randn(2, 7, 12, dtype=torch.float64) if cross else x
    q, k = (x, y) if batch_first else (x.transpose(0, 1), y.transpose(0, 1) if cross else x.transpose(0, 1))
    keys = y.shape[1]
    padded = torch.zeros(2, keys, dtype=torch.bool)
    padded[1, -2:] = True
    masks = [
        {},
        {"attn_mask": torch.randn(5, keys, dtype=torch.float64)},
        {"attn_mask": torch.triu(torch.ones(5, keys, dtype=torch.bool), 1), "key_padding_mask": padded},
        {"attn_mask": torch.randn(6, 5, keys, dtype=torch.float64), "average_attn_weights": False},
        {"need_weights": False},
    ]
    for given in masks:
        for one, other in zip(module(q, k, k, **given), twin(q, k, k, **given), strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    for one, other in zip(module(x[0], y[0], y[0]), twin(x[0], y[0], y[0]), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.filterwarnings("ignore:.*nested tensor:UserWarning")
def test_each_matrix_of_an_encoder_is_a_choice() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    module = nn.Sequential(nn.TransformerEncoder(layer, 2), nn.Flatten(), nn.Linear(80, 3)).eval()
    x = torch.randn(24, 5, 16)
    choices = dse.choices(module, ["int2/int8", "int8/int8"], (x, torch.zeros(24, dtype=torch.int64)))
    problem = choices.on(dse_device())
    assert problem.layers == torch_export.read(module, (x,)).layers
    assert {"0.layers.0.self_attn.in_proj", "0.layers.1.self_attn.out_proj", "0.layers.0.linear1"} <= set(
        problem.layers
    )
    assert (problem.loss[:, 0] > 10 * problem.loss[:, 1]).all()
    torch.testing.assert_close(choices.module(x), module(x), rtol=1e-4, atol=1e-5)


def test_attention_with_keys_of_another_width_stays_whole() -> None:
    class Cross(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, kdim=4, vdim=4, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.attention(x, x[..., :4], x[..., :4])[0]

    module = Cross()
    assert quantisable(opened(module, torch.zeros(2, 3, 8))) == quantisable(module)


def test_one_that_cannot_be_opened_leaves_the_others() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.MultiheadAttention(8, 2, add_zero_attn=True)
            self.other = nn.MultiheadAttention(8, 2)
            self.again = self.other

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for part in (self.one, self.other, self.again):
                x = part(x, x, x)[0]
            return x

    twin = opened(Both(), torch.randn(3, 2, 8))
    assert isinstance(twin.one, nn.MultiheadAttention)
    assert isinstance(twin.other, UnrolledAttention)
    assert twin.again is twin.other
