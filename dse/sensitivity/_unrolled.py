"""torch's recurrent layers as a loop over linear layers; imported where torch is."""

from typing import Any

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]
"""What a step leaves to the next: the hidden state, and the cell of an LSTM (empty elsewhere)."""
SETTINGS = (
    "mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size",
    "nonlinearity",
)  # fmt: skip


def step(mode: str, by_input: Tensor, by_state: Tensor, state: State) -> State:
    """One step of a cell from its two products, biases included: gates in torch's order."""
    if mode == "LSTM":
        i, f, g, o = (by_input + by_state).chunk(4, -1)
        cell = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
        return o.sigmoid() * cell.tanh(), cell
    if mode == "GRU":
        (r_x, z_x, n_x), (r_h, z_h, n_h) = by_input.chunk(3, -1), by_state.chunk(3, -1)
        z = (z_x + z_h).sigmoid()
        n = (n_x + (r_x + r_h).sigmoid() * n_h).tanh()
        return (1 - z) * n + z * state[0], state[1]
    total = by_input + by_state
    return (total.relu() if mode == "RNN_RELU" else total.tanh()), state[1]


def _linear(part: nn.Module, end: str) -> nn.Linear:
    """A linear layer that holds the weight and bias of that end themselves, no copies."""
    weight = part.get_parameter(f"weight_{end}")
    bias = part._parameters.get(f"bias_{end}")
    made = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    made.weight, made.bias = weight, bias  # type: ignore[assignment]
    return made


class UnrolledCell(nn.Module):
    """nn.LSTMCell, GRUCell or RNNCell with its matrices as `ih` and `hh`."""

    def __init__(self, part: Any) -> None:
        super().__init__()
        relu = getattr(part, "nonlinearity", "tanh") == "relu"
        named = {nn.LSTMCell: "LSTM", nn.GRUCell: "GRU"}
        self.mode = named.get(type(part), "RNN_RELU" if relu else "RNN_TANH")
        self.hidden_size = part.hidden_size
        self.ih, self.hh = _linear(part, "ih"), _linear(part, "hh")

    def forward(self, x: Tensor, hx: Any = None) -> Any:
        """As the cell: (features) or (N, features) to its hidden state, or (h, c) of an LSTM."""
        zeros = x.new_zeros(*x.shape[:-1], self.hidden_size)
        h, c = (hx or (zeros, zeros)) if self.mode == "LSTM" else (zeros if hx is None else hx, zeros)
        h, c = step(self.mode, self.ih(x), self.hh(h), (h, c))
        return (h, c) if self.mode == "LSTM" else h


class UnrolledLayers(nn.Module):
    """nn.LSTM, GRU or RNN in evaluation mode, its matrices as `ih_l0`, `hh_l0`, `hr_l0`, `ih_l0_reverse`, ..."""

    def __init__(self, part: Any) -> None:
        super().__init__()
        for name in SETTINGS:
            setattr(self, name, getattr(part, name, None))
        self.ends = [
            [f"l{layer}{suffix}" for suffix in ("", "_reverse")[: 1 + part.bidirectional]]
            for layer in range(part.num_layers)
        ]
        for end in (end for ends in self.ends for end in ends):
            for kind in ("ih", "hh", *["hr"] * bool(part.proj_size)):
                self.add_module(f"{kind}_{end}", _linear(part, f"{kind}_{end}"))

    def flatten_parameters(self) -> None:
        """Nothing: there is no flat buffer."""

    def forward(self, x: Tensor, hx: Any = None) -> tuple[Tensor, Any]:
        """As the layers: (T, N, F), (N, T, F) with batch_first, or (T, F), to (outputs, last states)."""
        batched, batch_axis = x.dim() == 3, int(not self.batch_first)
        x = x if batched else x.unsqueeze(1)
        x = x.transpose(0, 1) if batched and self.batch_first else x
        count = sum(map(len, self.ends))
        given = self._given(hx, batched, count, x)
        last: list[State] = []
        for ends in self.ends:
            results = [self._run(x, end, given[len(last) + i]) for i, end in enumerate(ends)]
            last += [state for _, state in results]
            x = torch.cat([out for out, _ in results], dim=-1)
        h, c = (torch.stack([state[i] for state in last]) for i in (0, 1))
        if not batched:
            x, h, c = x.squeeze(1), h.squeeze(1), c.squeeze(1)
        elif batch_axis == 0:
            x = x.transpose(0, 1)
        return x, ((h, c) if self.mode == "LSTM" else h)

    def _given(self, hx: Any, batched: bool, count: int, x: Tensor) -> list[State]:
        """The first states of each layer and direction: zeros where none are given."""
        if hx is None:
            h = x.new_zeros(count, x.shape[1], self.proj_size or self.hidden_size)  # type: ignore[call-overload]
            c = x.new_zeros(count, x.shape[1], self.hidden_size)  # type: ignore[call-overload]
        else:
            h, c = hx if self.mode == "LSTM" else (hx, hx)
            h, c = (h, c) if batched else (h.unsqueeze(1), c.unsqueeze(1))
        return [(h[i], c[i]) for i in range(count)]

    def _run(self, x: Tensor, end: str, state: State) -> tuple[Tensor, State]:
        """One direction of one layer over (T, N, features)."""
        by_input = self.get_submodule(f"ih_{end}")(x)
        hh = self.get_submodule(f"hh_{end}")
        outputs: list[Tensor] = []
        for products in by_input.flip(0) if end.endswith("_reverse") else by_input:
            h, c = step(str(self.mode), products, hh(state[0]), state)
            state = (self.get_submodule(f"hr_{end}")(h) if self.proj_size else h), c
            outputs.append(state[0])
        stacked = torch.stack(outputs)
        return (stacked.flip(0) if end.endswith("_reverse") else stacked), state
