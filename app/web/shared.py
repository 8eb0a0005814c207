"""A cache on disk that threads and the processes forked beside them share."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import diskcache

KEPT_S = 3600.0
"""How long a result waits for the page that asked for it, which may have been closed."""

_QUIET = threading.RLock()
"""Held around every use of a cache's file, and while a process is forked."""
os.register_at_fork(before=_QUIET.acquire, after_in_parent=_QUIET.release, after_in_child=_QUIET.release)


class Shared(diskcache.Cache):
    """A cache that no thread uses while another forks: a child would wait for ever for SQLite's locks as they were."""

    def get(self, *given: Any, **more: Any) -> Any:
        """As diskcache's."""
        with _QUIET:
            return super().get(*given, **more)

    def set(self, *given: Any, **more: Any) -> Any:
        """As diskcache's, for KEPT_S."""
        with _QUIET:
            return super().set(*given, **{"expire": KEPT_S, **more})

    def add(self, *given: Any, **more: Any) -> Any:
        """As diskcache's."""
        with _QUIET:
            return super().add(*given, **more)

    def delete(self, *given: Any, **more: Any) -> Any:
        """As diskcache's."""
        with _QUIET:
            return super().delete(*given, **more)

    @contextmanager
    def transact(self, *given: Any, **more: Any) -> Iterator[None]:
        """As diskcache's."""
        with _QUIET, super().transact(*given, **more):
            yield
