"""Filter pruning: whole output channels of layers go, and with them their inputs in every layer that reads them.

Li et al., Pruning Filters for Efficient ConvNets, arXiv 1608.08710, section 3; layers tied by a residual sum keep the
same channels. Keep ratios a layer, int(c (1 - rate)), as in Homayounfar et al., Beta-Rank, arXiv 2304.07461, whose
repository (mohofar/Beta-Rank, models/vgg.py and resnet.py) logs the parameters and products of its sample runs.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import floor
from typing import ClassVar

from costmodel.claim import Claim
from costmodel.strategies._channels import Channels
from costmodel.strategies._cifar import resnet, vgg16
from costmodel.strategies._layers import require_matches
from costmodel.strategies._shown import Shown
from costmodel.workload import Op, Workload

ROUNDING = 1e-9
"""What floating point may take from a whole number of channels."""


@dataclass(frozen=True)
class FilterPruning(Shown):
    """Keep the fraction `keep` of the output channels of each convolution, linear layer and routed expert.

    `by_layer` are "glob=ratio" for other fractions, of which the last match counts; "*=1" first leaves the rest alone.
    Channels tied by residual sums keep the largest of their layers' fractions; those of the input, of outputs, of
    attention and of grouped convolutions, read or made, stay as they are. Where one layer makes a gate and its value,
    channels are pairs of both. Numbers are rounded down to multiples of `multiple`, at least one. ValueError unless
    fractions are in (0, 1], and on a training pass (prune, then take the training of it).
    """

    keep: float = 1.0
    by_layer: tuple[str, ...] = ()
    multiple: int = 1
    prunes: ClassVar[bool] = True
    reshapes: ClassVar[bool] = True
    left: ClassVar[str] = (
        "all of their filters, which attention, a grouped convolution, an output, or a sum with what those read needs"
    )

    def __post_init__(self) -> None:
        for ratio in (self.keep, *(ratio for _, ratio in map(_layer, self.by_layer))):
            if not 0 < ratio <= 1:
                raise ValueError(f"a keep ratio must be in (0, 1], got {ratio}")
        if self.multiple < 1:
            raise ValueError(f"multiple must be at least 1, got {self.multiple}")

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload with fewer channels."""
        if workload.phase == "training":
            raise ValueError(f"filters are pruned before the training pass is made, got that of {workload.name}")
        require_matches(workload, [glob for glob, _ in map(_layer, self.by_layer)])
        channels = Channels(workload)
        kept = {group: self._kept(channels, group) for group in channels.size if group not in channels.fixed}
        return channels.resized({group: n for group, n in kept.items() if n < channels.size[group]})

    def ratio(self, op: Op) -> float:
        """The fraction of an op's output channels that is asked to stay."""
        matching = [ratio for glob, ratio in map(_layer, self.by_layer) if fnmatchcase(op.name, glob)]
        return matching[-1] if matching else self.keep

    def means(self, op: Op) -> bool:
        """Whether an op is asked to have fewer channels."""
        return self.ratio(op) < 1

    def leaves(self, before: Op, after: Op) -> bool:
        """Whether a layer has all of its output channels still, whatever it reads."""
        return bool(before.b * before.n == after.b * after.n)

    def _kept(self, channels: Channels, group: int) -> int:
        before = channels.size[group]
        wanted = before * max(self.ratio(op) for op in channels.makers(group))
        whole = floor(wanted / self.multiple + ROUNDING) * self.multiple
        return min(max(whole, self.multiple), before)


def _layer(spelled: str) -> tuple[str, float]:
    glob, _, ratio = spelled.partition("=")
    try:
        return glob, float(ratio)
    except ValueError:
        raise ValueError(f'by_layer is spelled "glob=ratio", got {spelled!r}') from None


def _params(net: Workload) -> float:
    return float(sum(op.params for op in net.ops))


def _macs(net: Workload) -> float:
    return float(sum(op.macs for op in net.ops))


def _normalised(net: Workload) -> float:
    """Elements that norms make."""
    return float(sum(op.output_elements for op in net.ops if op.kind == "norm"))


def _by_thop(net: Workload) -> float:
    """As thop 0.1 counts: products, four operations an element of a norm, one an input and output of a pooling."""
    pooled = sum(op.input_elements + op.output_elements for op in net.ops if op.name == "avgpool")
    return _macs(net) + 4 * _normalised(net) + float(pooled)


def _by_older_thop(net: Workload) -> float:
    """As the tables of HRankPlus come out: products and two operations an element of a norm."""
    return _macs(net) + 2 * _normalised(net)


_VGG_65 = FilterPruning(by_layer=("conv[0-6]=0.35", "conv[7-9]=0.2", "conv1[01]=0.2", "conv12=1", "classifier*=1"))
_VGG_45 = FilterPruning(by_layer=("conv[0-6]=0.55", "conv[7-9]=0.22", "conv1[01]=0.22", "conv12=1", "classifier*=1"))
_RESNET_18 = FilterPruning(keep=0.82, by_layer=("conv1=1", "layer3.*.conv2=1"))
_RESNET_30 = FilterPruning(
    by_layer=("layer1.*=0.7", "layer[23].*=0.65", "layer[12].*.conv2=0.8", "layer3.*.conv2=1"),
)

_RUN = "mohofar/Beta-Rank, Sample Running.ipynb, log of tuning.py"
_HRANK = "lmbxmu/HRankPlus, README.md, CIFAR-10 table and compression rates"
_ABSTRACT = "Homayounfar et al., Beta-Rank, arXiv 2304.07461, abstract"
_VGG_GAP = "0.14 less by the way of counting that gives the two ResNets' figures"
_CUT = "1.046 by the layers, which rounds to 1.05: cut off there, perhaps"

CLAIMS = (
    Claim("Beta-Rank", "vgg16-params", "parameters of VGG-16, rates [0.65]*7+[0.8]*5", _RUN, "analytic", 1408243,
          lambda: _params(_VGG_65(vgg16())), rtol=0.0, how="count"),
    Claim("Beta-Rank", "vgg16-flops", "multiply-adds of VGG-16, rates [0.65]*7+[0.8]*5, norms counted", _RUN,
          "analytic", 30712000, lambda: _by_thop(_VGG_65(vgg16())), rtol=0.0, how="count"),
    Claim("Beta-Rank", "resnet56-params", "parameters of ResNet-56, 3 classes, rates [0.]+[0.18]*29", _RUN,
          "analytic", 659702, lambda: _params(_RESNET_18(resnet(classes=3))), rtol=0.0, how="count"),
    Claim("Beta-Rank", "resnet56-flops", "multiply-adds of ResNet-56 on 256 x 256, rates [0.]+[0.18]*29", _RUN,
          "analytic", 5838995712, lambda: _by_thop(_RESNET_18(resnet(resolution=256, classes=3))), rtol=0.0,
          how="count"),
    Claim("Beta-Rank", "flops-idrid", "FLOPs removed on IDRiD at equal quality, %, up to", _ABSTRACT, "training", 58),
    Claim("Beta-Rank", "flops-isic", "FLOPs removed on ISIC at equal quality, %, up to", _ABSTRACT, "training", 45),
    Claim("Beta-Rank", "memory", "memory saved on a phone, %, up to", _ABSTRACT, "hardware", 79),
    Claim("Beta-Rank", "time", "time saved on a phone, %, up to", _ABSTRACT, "hardware", 72),
    Claim("HRank", "vgg16-params", "parameters of VGG-16, rates [0.45]*7+[0.78]*5, M", _HRANK, "analytic", 1.90,
          lambda: _params(_VGG_45(vgg16())) / 1e6, rtol=0.005, how="count"),
    Claim("HRank", "vgg16-flops", "multiply-adds of VGG-16, rates [0.45]*7+[0.78]*5, M", _HRANK, "analytic", 66.95,
          lambda: _by_older_thop(_VGG_45(vgg16())) / 1e6, rtol=1e-4, gap=_VGG_GAP, how="count"),
    Claim("HRank", "resnet56-params", "parameters of ResNet-56, rates [0.]+[0.18]*29, M", _HRANK, "analytic", 0.66,
          lambda: _params(_RESNET_18(resnet())) / 1e6, rtol=0.005, how="count"),
    Claim("HRank", "resnet56-flops", "multiply-adds of ResNet-56, rates [0.]+[0.18]*29, M", _HRANK, "analytic", 90.35,
          lambda: _by_older_thop(_RESNET_18(resnet())) / 1e6, rtol=1e-4, how="count"),
    Claim("HRank", "resnet110-params", "parameters of ResNet-110, rates [0.]+[0.2]*2+[0.3]*18+[0.35]*36, M", _HRANK,
          "analytic", 1.04, lambda: _params(_RESNET_30(resnet(18))) / 1e6, rtol=0.005, gap=_CUT, how="count"),
    Claim("HRank", "resnet110-flops", "multiply-adds of ResNet-110, rates [0.]+[0.2]*2+[0.3]*18+[0.35]*36, M", _HRANK,
          "analytic", 140.54, lambda: _by_older_thop(_RESNET_30(resnet(18))) / 1e6, rtol=1e-4, how="count"),
)  # fmt: skip

EXAMPLES = (
    FilterPruning(0.5),
    FilterPruning(by_layer=("layer3.*=0.25", "*.mlp.fc1=0.5", "*.up_proj=0.5", "*.gate_proj=0.5")),
    FilterPruning(0.7, multiple=8),
)
IDENTITIES = (FilterPruning(1.0), FilterPruning(0.5, by_layer=("*=1",)))
