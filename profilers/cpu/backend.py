"""CpuBackend: this machine's processor under PyTorch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from costmodel.estimators.operation_model import DEFAULT_CACHE_BYTES
from costmodel.hardware import Cpu
from profilers.call import Call
from profilers.timing import HostClock, Work

MOST_COPIES, MOST_COPIED_BYTES = 16, 48e6


class CpuBackend:
    """Runs calls on the CPU and times them by its clock; weights cycle over copies that overflow the cache."""

    name, flushed = "torch", False

    def __init__(self, cpu: Cpu) -> None:
        import torch

        self.version = str(torch.__version__)
        self.threads = torch.get_num_threads()
        self.clock = HostClock(self.threads)
        self.clocks = {"eager": self.clock}
        self.cache_bytes = DEFAULT_CACHE_BYTES if np.isnan(cpu.l2_bytes) else float(cpu.l2_bytes)

    def copies(self, call: Call) -> int:
        """Enough copies to fill the last-level cache, MOST_COPIES at most."""
        if not call.weight_bytes:
            return 1
        most = min(MOST_COPIES, MOST_COPIED_BYTES / call.weight_bytes)
        return int(np.clip(np.ceil(self.cache_bytes / call.weight_bytes), 1, max(most, 1)))

    def facts(self, work: Sequence[Work], _call: Call) -> Mapping[str, Any]:
        """Threads, how weights were kept cold, and the share of runs in which other processes took the core."""
        return {"threads": self.threads, "cache": "weights cycled", "copies": len(work), "busy": self.clock.busy_share}

    def power_of(self, _launched: str) -> Mapping[str, Any]:
        """None: no counter of a whole processor can be read without rights."""
        return {}
