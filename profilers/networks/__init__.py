"""Whole networks in plain PyTorch, with random weights: to time a forward pass against its estimate.

They need torch alone: no torchvision, timm or transformers on the machine that measures.
"""

from profilers.networks.network import Network
from profilers.networks.registry import NETWORKS

__all__ = ["NETWORKS", "Network"]
