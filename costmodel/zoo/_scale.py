"""Factors on a network's depth, width, channels a group and resolution, rounded as pycls rounds them.

Dollar, Singh, Girshick, Fast and Accurate Model Scaling, arXiv 2103.06877; rounding is that of
facebookresearch/pycls's pycls/models/scaler.py.
"""

from dataclasses import dataclass

CHANNEL_QUANTUM, PIXEL_QUANTUM = 8, 4


@dataclass(frozen=True)
class Factors:
    """What to multiply blocks a stage, channels, channels a group and pixels a side by."""

    depth: float = 1.0
    width: float = 1.0
    group: float = 1.0
    resolution: float = 1.0

    def blocks(self, blocks: int) -> int:
        """Blocks of a stage, at least one."""
        return max(1, round(blocks * self.depth))

    def channels(self, channels: int, quantum: int = CHANNEL_QUANTUM) -> int:
        """Channels, a multiple of `quantum`, at least one."""
        return max(1, round(channels * self.width / quantum)) * quantum

    def channels_a_group(self, channels: int) -> int:
        """Channels a group: up to 2 as they are, up to 5 as 4, above as multiples of 8."""
        wanted = max(1, round(channels * self.group))
        if wanted <= 2:
            return wanted
        return 4 if wanted <= 5 else round(wanted / CHANNEL_QUANTUM) * CHANNEL_QUANTUM

    def pixels(self, pixels: int, quantum: int = PIXEL_QUANTUM) -> int:
        """Pixels a side, a multiple of `quantum`, at least one."""
        return max(1, round(pixels * self.resolution / quantum)) * quantum
