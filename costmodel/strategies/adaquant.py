"""AdaQuant's allocation: int4 or int8 a layer, so that the model is at most a given fraction of its fp32 size.

Hubara et al., Improving Post Training Neural Quantization: Layer-wise Calibration and Integer Programming, arXiv
2006.10518. The published policies are those of github.com/itayhubara/CalibTIP, configs/configs_resnet18.txt,
configs_resnet50.txt and configs_mobilenetv2.txt. The program itself is `dse.allocate` under the budget that
`budget_bytes` gives; the calibration is dse/compression/adaquant.py.
"""

from fnmatch import fnmatchcase

from costmodel import zoo
from costmodel.claim import Claim
from costmodel.strategies._mixed import bops, weight_bytes, weighted
from costmodel.workload import Workload

BASE_BITS, NARROW_BITS, FULL_BITS = 8, 4, 32

_R50_DEEP = "layer3.0.conv[23] layer3.0.downsample.0 layer4.?.conv? layer4.0.downsample.0 fc"
_R50_LAST = "layer4.0.conv[23] layer4.0.downsample.0 layer4.[12].conv2 fc"

INT4 = {
    ("resnet18", 0.13): "layer2.0.conv2 layer2.1.conv? layer3.?.conv? layer4.?.conv? fc",
    ("resnet18", 0.14): "layer3.0.conv2 layer3.1.conv? layer4.?.conv? fc",
    ("resnet18", 0.15): "layer3.0.conv2 layer3.1.conv1 layer4.?.conv?",
    ("resnet18", 0.16): "layer3.0.conv2 layer4.?.conv?",
    ("resnet18", 0.17): "layer4.?.conv?",
    ("resnet18", 0.18): "layer4.0.conv2 layer4.1.conv?",
    ("resnet18", 0.20): "layer4.0.conv2 layer4.1.conv1",
    ("resnet18", 0.23): "layer4.0.conv2",
    ("resnet50", 0.13): f"layer2.?.conv2 {_R50_DEEP} layer3.[1-5].conv?",
    ("resnet50", 0.14): f"{_R50_DEEP} layer3.[12].conv? layer3.3.conv[12] layer3.[45].conv2",
    ("resnet50", 0.15): f"layer3.?.conv2 layer3.0.downsample.0 {_R50_LAST} layer4.[12].conv[13]",
    ("resnet50", 0.16): f"layer3.[0-3].conv2 {_R50_LAST} layer4.[12].conv[13]",
    ("resnet50", 0.17): f"{_R50_LAST} layer4.[12].conv[13]",
    ("resnet50", 0.18): f"{_R50_LAST} layer4.1.conv[13]",
    ("resnet50", 0.19): _R50_LAST,
    ("resnet50", 0.20): "layer4.?.conv2 layer4.0.downsample.0 fc",
    ("resnet50", 0.21): "layer4.?.conv2 layer4.0.downsample.0",
    ("resnet50", 0.22): "layer4.?.conv2",
    ("resnet50", 0.23): "layer4.[01].conv2",
    ("resnet50", 0.24): "layer4.0.conv2",
    ("mobilenetv2_100", 0.13): "blocks.2.1.conv_pw* blocks.2.2.conv_pw blocks.3.0.conv_pwl blocks.3.[123].conv_pw*"
    " blocks.4.?.conv_pw* blocks.5.0.conv_pw* blocks.5.[12].conv_?w* blocks.6.0.conv_?w*",
}
"""Layers in int4, by globs, of each network and threshold; thresholds whose policy is that of another one left out, and
those of MobileNetV2 but the first, as none of them keeps its threshold."""


def policy(model: str, threshold: float) -> dict[str, int]:
    """Bits by layer of a published policy; ValueError where there is none."""
    if (model, threshold) not in INT4:
        raise ValueError(f"no policy of {model} at {threshold}, there are {', '.join(f'{m} {t}' for m, t in INT4)}")
    globs = INT4[model, threshold].split()
    names = [op.name for op in weighted(zoo.build(model))]
    return {n: NARROW_BITS if any(fnmatchcase(n, glob) for glob in globs) else BASE_BITS for n in names}


def fraction(workload: Workload, bits: dict[str, int]) -> float:
    """Bytes of the weights at `bits`, 8 where it names none, over those in fp32."""
    return weight_bytes(workload, bits, BASE_BITS) / weight_bytes(workload, {}, FULL_BITS)


def budget_bytes(workload: Workload, threshold: float) -> float:
    """Bytes of weights that a plan may have: what sum saved >= P b0 (1 - D 32 / b0) asks for, said the other way.

    P weights at b0 = 8 bits, D = `threshold` the fraction of the fp32 size. ValueError outside 4/32 to 8/32.
    """
    return weight_bytes(workload, {}, BASE_BITS) * _allowed(threshold)


def budget_bops(workload: Workload, threshold: float) -> float:
    """MACs x bits^2 that a plan may have, by the same program over MACs: sum saved >= P b0^2 (1 - D 32 / b0)."""
    return bops(workload, {}, BASE_BITS) * _allowed(threshold)


def _allowed(threshold: float) -> float:
    """The share of 8-bit cost that is left: D 32 / b0."""
    if not NARROW_BITS / FULL_BITS <= threshold <= BASE_BITS / FULL_BITS:
        raise ValueError(f"between int4 and int8 a threshold is within 0.125..0.25, got {threshold}")
    return threshold * FULL_BITS / BASE_BITS


def _achieved(model: str, threshold: float, size: float) -> Claim:
    return Claim("AdaQuant", f"{model}-{threshold:.2f}",
                 f"{model}'s policy at {threshold:.2f}, its size over fp32's",
                 "github.com/itayhubara/CalibTIP, configs, on torchvision's parameters", "analytic", size,
                 lambda: fraction(zoo.build(model), policy(model, threshold)), rtol=5e-4, how="evaluated")  # fmt: skip


_ACHIEVED = {
    "resnet18": {0.13: 0.1293, 0.14: 0.1372, 0.15: 0.149, 0.16: 0.1553, 0.17: 0.1616, 0.18: 0.1742, 0.20: 0.1995,
                 0.23: 0.2247},
    "resnet50": {0.13: 0.1298, 0.14: 0.1391, 0.15: 0.1494, 0.16: 0.1577, 0.17: 0.1693, 0.18: 0.1796, 0.19: 0.1899,
                 0.20: 0.195, 0.21: 0.205, 0.22: 0.2153, 0.23: 0.2269, 0.24: 0.2384},
}  # fmt: skip

CLAIMS = (
    *(_achieved(model, at, size) for model, sizes in _ACHIEVED.items() for at, size in sizes.items()),
    Claim("AdaQuant", "mobilenetv2-0.13", "MobileNetV2's policy at 0.13, its size over fp32's",
          "github.com/itayhubara/CalibTIP, configs", "analytic", 0.13,
          lambda: fraction(zoo.build("mobilenetv2_100"), policy("mobilenetv2_100", 0.13)),
          gap="MobileNetV2's published policies exceed their thresholds by the network's parameters: the classifier, "
          "37 % of them, stays at 8 bits", how="count"),
    Claim("AdaQuant", "accuracy-resnet50", "ResNet-50's accuracy lost, all but its two smallest layers in int4, below",
          "Hubara et al., arXiv 2006.10518, abstract", "training", 0.01),
)  # fmt: skip
