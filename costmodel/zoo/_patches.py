"""Networks on square patches of an image: what their families' sizes and resolutions share."""

from dataclasses import dataclass, replace

from costmodel.zoo._build import Network
from costmodel.zoo._scale import Factors

RESOLUTION = 224


@dataclass(frozen=True)
class Shape:
    """Channels, heads of equally many of them, layers, and pixels a side of a patch."""

    channels: int
    heads: int
    layers: int = 12
    patch: int = 16

    def grown(self, factors: Factors) -> "Shape":
        """More or fewer layers, and heads of the same size."""
        channels = factors.channels(self.channels, self.channels // self.heads)
        heads = channels * self.heads // self.channels
        return replace(self, channels=channels, heads=heads, layers=factors.blocks(self.layers))


def network(name: str, shape: Shape, *, batch: int, resolution: int) -> Network:
    """Start a network on images of `resolution` pixels a side; ValueError unless the patch divides them."""
    if resolution % shape.patch:
        raise ValueError(f"resolution must be a multiple of {name}'s patch of {shape.patch} pixels, got {resolution}")
    return Network(name, batch=batch, resolution=resolution)
