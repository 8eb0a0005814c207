"""Squeeze-and-excitation: a gate a channel, computed from the channels' means."""

from dataclasses import dataclass

from costmodel.zoo._build import Network, Tensor


@dataclass(frozen=True)
class Names:
    """What a framework calls the gate's modules."""

    reduce: str = "fc1"
    function: str = "act"
    expand: str = "fc2"
    gate: str = "gate"


def squeeze_excite(
    net: Network, module: str, x: Tensor, hidden: int, *, function: str, gate: str, names: Names
) -> Tensor:
    """Append the gate and its product with `x`; `hidden` channels between its two layers.

    Hu, Shen, Sun, Squeeze-and-Excitation Networks, arXiv 1709.01507, section 3.
    """
    means = net.average_pool(f"{module}.mean", x)
    reduced = net.conv(f"{module}.{names.reduce}", means, hidden, 1, bias=True)
    active = net.activation(f"{module}.{names.function}", reduced, function)
    expanded = net.conv(f"{module}.{names.expand}", active, x.channels, 1, bias=True)
    return net.gate(f"{module}.mul", x, net.activation(f"{module}.{names.gate}", expanded, gate))
