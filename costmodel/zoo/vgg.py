"""VGG, as timm builds it: the first two classifier layers are convolutions, so that any input size will do.

Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, arXiv 1409.1556, table 1.
"""

from costmodel.catalog import require
from costmodel.workload import Workload
from costmodel.zoo._build import Network, Tensor
from costmodel.zoo._scale import Factors

RESOLUTION = 224
CLASSIFIER_SIZE = 7  # pixels a side that the classifier's first layer covers

_CONVS = {"vgg11": (1, 1, 2, 2, 2), "vgg13": (2, 2, 2, 2, 2), "vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
_WIDTHS = (64, 128, 256, 512, 512)

MODELS = tuple(_CONVS) + tuple(f"{name}_bn" for name in _CONVS)


def vgg(name: str, *, batch: int = 1, resolution: int = RESOLUTION) -> Workload:
    """Build one of MODELS on `resolution` pixels a side; `_bn` has a batch norm after each convolution."""
    require("vgg", name, MODELS)
    net = Network(name, batch=batch, resolution=resolution)
    return _network(net, tuple(zip(_WIDTHS, _CONVS[name.removesuffix("_bn")], strict=True)))


def scaled(name: str, factors: Factors, *, batch: int = 1, resolution: int = RESOLUTION) -> Workload:
    """Build one of MODELS with its stages scaled; the classifier keeps its channels."""
    require("vgg", name, MODELS)
    stages = zip(_WIDTHS, _CONVS[name.removesuffix("_bn")], strict=True)
    grown = tuple((factors.channels(width), factors.blocks(count)) for width, count in stages)
    return _network(Network(name, batch=batch, resolution=factors.pixels(resolution)), grown)


def _network(net: Network, stages: tuple[tuple[int, int], ...]) -> Workload:
    x = _features(net, net.input, stages, normed=net.name.endswith("_bn"))
    if x.height < CLASSIFIER_SIZE:
        x = net.average_pool("pre_logits.adaptive_avg_pool2d", x, CLASSIFIER_SIZE)
    x = net.conv("pre_logits.fc1", x, 4096, CLASSIFIER_SIZE, padding=0, bias=True)
    x = net.activation("pre_logits.act1", x, "relu")
    x = net.conv("pre_logits.fc2", x, 4096, 1, bias=True)
    x = net.activation("pre_logits.act2", x, "relu")
    net.linear("head.fc", net.average_pool("head.global_pool.pool", x), 1000)
    return net.workload()


def _features(net: Network, x: Tensor, stages: tuple[tuple[int, int], ...], *, normed: bool) -> Tensor:
    index = 0
    for width, count in stages:
        for _ in range(count):
            x = net.conv(f"features.{index}", x, width, 3, bias=True)
            if normed:
                x = net.norm(f"features.{index + 1}", x)
            x = net.activation(f"features.{index + 1 + normed}", x, "relu")
            index += 2 + normed
        x = net.max_pool(f"features.{index}", x, 2, stride=2)
        index += 1
    return x
