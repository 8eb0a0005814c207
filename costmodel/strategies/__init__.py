"""Strategies: frozen records that turn a Workload into another one; one paper a file."""

from costmodel.strategies.nm_sparsity import NMSparsity

__all__ = ["NMSparsity"]
