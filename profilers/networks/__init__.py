"""Whole networks in plain PyTorch, with random weights: to time a forward pass against its estimate.

They need torch alone: no torchvision, timm or transformers on the machine that measures.
"""

from profilers.networks.registry import NETWORKS, Network

__all__ = ["NETWORKS", "Network"]
