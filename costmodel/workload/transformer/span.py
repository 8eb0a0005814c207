"""Span: which tokens one pass computes, and which it only reads."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """Each of `batch` sequences computes its last `queries` tokens and attends to `keys` tokens, those included.

    `caches` says whether causal attention, and attention to an encoder, keep keys and values for later tokens; a
    forward pass and a training step do not.
    """

    batch: int
    queries: int
    keys: int
    causal: bool
    caches: bool = True

    @property
    def tokens(self) -> int:
        """Tokens computed, over all sequences."""
        return self.batch * self.queries

    @property
    def decodes(self) -> bool:
        """Whether earlier tokens come from the cache."""
        return self.keys > self.queries
