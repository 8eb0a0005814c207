"""HAWQ-V3: int4 or int8 a layer by an integer program; what its published allocations store and multiply.

Yao et al., HAWQ-V3: Dyadic Neural Network Quantization, arXiv 2011.10680. The program is `dse.allocate`; bits a layer,
sizes and BOPs are those of github.com/Zhen-Dong/HAWQ (bit_config.py, model_zoo.md, ILP.ipynb). Its first convolution
and its classifier stay at 8 bits and outside the program. Its ResNet-50 strides in the 1x1 convolution of a block. The
notebook counts BOPs in 1024e6, and so do the rows of the table with 4-bit layers; fp32 and 8 bits fit 1e9.
"""

from costmodel import zoo
from costmodel.claim import Claim
from costmodel.strategies._mixed import bops, weight_bytes, weighted
from costmodel.workload import Workload

MIB, MB = 2.0**20, 1e6
OUTSIDE = ("conv1", "fc")
ENDS_BITS = 8

ALLOCATIONS = {
    "size0.75": "8888888888888488884",
    "size0.5": "8888888888888884844",
    "size0.25": "8888888888888844444",
    "bops0.75": "8888888848888484884",
    "bops0.5": "8884888848884444444",
    "bops0.25": "8884848444444444444",
    "latency0.5": "8888848848884484844",
    "uniform4": "4444444444444444444",
    "uniform8": "8888888888888888888",
}
"""Bits of ResNet-18's layers between the ends, by the budget that the program kept (bit_config.py)."""

RESNET50_OPTIMA = {
    "size": "8888888888888888888888884888888448888488488488844844",
    "bops": "8888888848848884884484884888448448448448488488848848",
    "latency": "8888888844848888884884884884448448448448448488848848",
}
"""Bits of ResNet-50's layers that solve the notebook's program at half way between int4 and int8, by CBC."""


def by_name(workload: Workload, digits: str) -> dict[str, int]:
    """Bits by layer between the ends; ValueError unless there is one digit a layer."""
    names = [op.name for op in weighted(workload) if op.name not in OUTSIDE]
    if len(names) != len(digits):
        raise ValueError(f"{workload.name} has {len(names)} layers between its ends, got {len(digits)} bits")
    return dict(zip(names, map(int, digits), strict=True))


def _without_ends(workload: Workload) -> Workload:
    return Workload(workload.name, tuple(op for op in weighted(workload) if op.name not in OUTSIDE))


def _in_notebook(model: str, digits: str) -> tuple[float, float]:
    """Size in 1e6 bytes and BOPs in 1024e6, the ends left out."""
    net = _without_ends(zoo.build(model))
    if model == "resnet50":  # the stride is in the first 1x1, which then has a quarter of the pixels
        strided = [f"layer{stage}.0.conv1" for stage in (2, 3, 4)]
        net = net.map(lambda op: op.times(1 / 4), lambda op: op.name in strided)
    bits = by_name(net, digits)
    return weight_bytes(net, bits, ENDS_BITS) / MB, bops(net, bits, ENDS_BITS) / 1024e6


def _whole(digits: str) -> tuple[float, float]:
    """Size in MiB and BOPs of ResNet-18, the ends at 8 bits; at fp32 throughout for no digits."""
    net = zoo.build("resnet18")
    bits, rest = (by_name(net, digits), ENDS_BITS) if digits else ({}, 32)
    return weight_bytes(net, bits, rest) / MIB, bops(net, bits, rest)


_ZOO = "github.com/Zhen-Dong/HAWQ, model_zoo.md and bit_config.py"
_OFF = (
    "sizes of the table's mixed rows are 0.13 to 0.21 MiB above what their bits give: what else they hold is not said"
)


def _published(name: str, size: float, giga_bops: float, *, giga: float = 1024e6, off: str = "") -> tuple[Claim, Claim]:
    """The two figures of a row of the table; `off` says why the size is not what the allocation gives."""
    digits = ALLOCATIONS.get(name, "")
    unit = "1e9" if giga == 1e9 else "1024e6"
    return (
        Claim("HAWQ-V3", f"size-{name}", f"ResNet-18 {name}, MiB", _ZOO, "analytic", size,
              lambda: _whole(digits)[0], gap=off),
        Claim("HAWQ-V3", f"bops-{name}", f"ResNet-18 {name}, {unit} BOPs", _ZOO, "analytic", giga_bops,
              lambda: _whole(digits)[1] / giga),
    )  # fmt: skip


def _optimum(model: str, budget: str, digits: str, size: float, giga_bops: float) -> tuple[Claim, Claim]:
    """Size and BOPs of an optimum in the notebook's units."""
    solved = "github.com/Zhen-Dong/HAWQ, ILP.ipynb, its inputs solved by CBC"
    unit = "MiB" if model == "resnet18" else "1e6 bytes"
    scale = MB / MIB if model == "resnet18" else 1.0  # the notebook divides ResNet-18's parameters by 2^20
    return (
        Claim("HAWQ-V3", f"optimum-size-{model}-{budget}", f"{model} within half the {budget}, {unit}", solved,
              "analytic", size, lambda: _in_notebook(model, digits)[0] * scale, rtol=1e-4),
        Claim("HAWQ-V3", f"optimum-bops-{model}-{budget}", f"{model} within half the {budget}, 1024e6 BOPs", solved,
              "analytic", giga_bops, lambda: _in_notebook(model, digits)[1], rtol=1e-4),
    )  # fmt: skip


CLAIMS = (
    *_published("fp32", 44.6, 1858.0, giga=1e9),
    *_published("uniform8", 11.1, 116.0, giga=1e9),
    *_published("size0.75", 9.9, 103.0),
    *_published("size0.5", 7.9, 98.0),
    *_published("size0.25", 7.3, 95.0, off=_OFF),
    *_published("bops0.75", 8.7, 92.0),
    *_published("bops0.5", 6.7, 72.0, off=_OFF),
    *_published("bops0.25", 6.1, 54.0, off=_OFF),
    *_published("latency0.5", 7.2, 76.0),
    *_published("uniform4", 5.8, 34.0),
    *_optimum("resnet18", "size", ALLOCATIONS["size0.5"], 7.2656, 89.715),
    *_optimum("resnet18", "bops", ALLOCATIONS["bops0.5"], 5.9902, 65.028),
    *_optimum("resnet18", "latency", ALLOCATIONS["latency0.5"], 6.5625, 68.039),
    *_optimum("resnet50", "size", RESNET50_OPTIMA["size"], 17.5473, 188.461),
    *_optimum("resnet50", "bops", RESNET50_OPTIMA["bops"], 17.2667, 145.711),
    *_optimum("resnet50", "latency", RESNET50_OPTIMA["latency"], 17.1028, 146.313),
)
