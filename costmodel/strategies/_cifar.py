"""Networks for 32 x 32 images on which filter pruning is published: VGG-16 and ResNet-56 or 110.

As mohofar/Beta-Rank has them in models/vgg.py and models/resnet.py, after lmbxmu/HRankPlus.
"""

from costmodel.workload import Workload
from costmodel.workload.ops import elementwise
from costmodel.zoo._build import Network, Tensor

STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def vgg16() -> Workload:
    """Thirteen convolutions with batch norms, and two linear layers, for ten classes."""
    net = Network("vgg16_cifar", batch=1, resolution=32)
    x, convs = net.input, 0
    for stage, widths in enumerate(STAGES):
        for width in widths:
            x = net.norm(f"norm{convs}", net.conv(f"conv{convs}", x, width, 3, bias=True))
            x = net.activation(f"relu{convs}", x, "relu")
            convs += 1
        x = net.max_pool(f"pool{stage}", x, 2, stride=2)
    x = net.norm("classifier.norm", net.linear("classifier.linear1", x, 512))
    net.linear("classifier.linear2", net.activation("classifier.relu", x, "relu"), 10)
    return net.workload()


def resnet(blocks: int = 9, *, resolution: int = 32, classes: int = 10) -> Workload:
    """Three stages of `blocks` blocks (9: ResNet-56, 18: ResNet-110), whose shortcuts have no weights.

    The first block of each stage pads its shortcut with zeros: it ties no channels and multiplies nothing, and is not
    an op.
    """
    net = Network(f"resnet{6 * blocks + 2}_cifar", batch=1, resolution=resolution)
    x = net.activation("relu", net.norm("bn1", net.conv("conv1", net.input, 16, 3)), "relu")
    for stage, width in enumerate((16, 32, 64), start=1):
        for i in range(blocks):
            x = _block(net, f"layer{stage}.{i}", x, width, stride=2 if stage > 1 and i == 0 else 1, padded=i == 0)
    net.linear("fc", net.average_pool("avgpool", x), classes)
    return net.workload()


def _block(net: Network, block: str, x: Tensor, width: int, *, stride: int, padded: bool) -> Tensor:
    y = net.norm(f"{block}.bn1", net.conv(f"{block}.conv1", x, width, 3, stride=stride))
    y = net.conv(f"{block}.conv2", net.activation(f"{block}.relu1", y, "relu"), width, 3)
    y = net.norm(f"{block}.bn2", y)
    total = elementwise(f"{block}.add", y.elements)
    return net.activation(f"{block}.relu2", net.append(total, y, *(() if padded else (x,))), "relu")
