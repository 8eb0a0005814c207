"""Whole networks in plain PyTorch, with random weights: to time a forward pass against its estimate.

NETWORKS need torch alone on the machine that measures, other vision networks of the zoo timm too.
"""

from costmodel import zoo
from costmodel.catalog import UnknownNameError
from profilers.networks.by_timm import by_timm
from profilers.networks.network import Network
from profilers.networks.registry import NETWORKS

__all__ = ["NETWORKS", "Network", "network"]


def network(name: str) -> Network:
    """The network of that name: of NETWORKS, else a vision network of the zoo; UnknownNameError lists near names."""
    try:
        return NETWORKS[name] if name in NETWORKS else by_timm(name)
    except UnknownNameError:
        raise UnknownNameError("network", name, [*NETWORKS, *zoo.names()]) from None
