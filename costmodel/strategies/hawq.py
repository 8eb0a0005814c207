"""HAWQ-V3: int4 or int8 a layer by an integer program; what its published allocations store and multiply.

Yao et al., HAWQ-V3: Dyadic Neural Network Quantization, arXiv 2011.10680. The program is `dse.allocate`; bits a layer,
sizes and BOPs are those of github.com/Zhen-Dong/HAWQ (bit_config.py, model_zoo.md, ILP.ipynb). Its first convolution
and its classifier stay at 8 bits and outside the program. The notebook counts BOPs in 1024e6, and so does this.
"""

from costmodel import zoo
from costmodel.claim import Claim
from costmodel.strategies._mixed import bops, weight_bytes, weighted
from costmodel.workload import Workload

MIB, GIGA = 2.0**20, 1024e6
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


def by_name(workload: Workload, digits: str) -> dict[str, int]:
    """Bits by layer between the ends; ValueError unless there is one digit a layer."""
    names = [op.name for op in weighted(workload) if op.name not in OUTSIDE]
    if len(names) != len(digits):
        raise ValueError(f"{workload.name} has {len(names)} layers between its ends, got {len(digits)} bits")
    return dict(zip(names, map(int, digits), strict=True))


def _whole(digits: str) -> tuple[float, float]:
    """Size in MiB and BOPs of ResNet-18, the ends at 8 bits; at fp32 throughout for no digits."""
    net = zoo.build("resnet18")
    bits, rest = (by_name(net, digits), ENDS_BITS) if digits else ({}, 32)
    return weight_bytes(net, bits, rest) / MIB, bops(net, bits, rest)


_ZOO = "github.com/Zhen-Dong/HAWQ, model_zoo.md and bit_config.py"
_SOLVED = "github.com/Zhen-Dong/HAWQ, ILP.ipynb, its program on its inputs, solved with CBC"
_OFF = (
    "sizes of the table's mixed rows are 0.14 to 0.21 MiB above what their bits give: what else they hold is not said"
)
_UNIT = "the table does not say its unit: fp32 and 8 bits fit 1e9, the rows with 4-bit layers the notebook's 1024e6"
_FEW = "one unit for all rows leaves this one 0.5 to 0.9 away from what its bits multiply"


def _published(name: str, size: float, giga_bops: float, off: str = "", bops_off: str = "") -> tuple[Claim, Claim]:
    """The two figures of a row of the table to half of their last digit, each with why it is not what its bits give."""
    digits = ALLOCATIONS.get(name, "")
    return (
        Claim("HAWQ-V3", f"size-{name}", f"ResNet-18 {name}, MiB", _ZOO, "analytic", size,
              lambda: _whole(digits)[0], 0.05 / size, off, how="count"),
        Claim("HAWQ-V3", f"bops-{name}", f"ResNet-18 {name}, 1024e6 BOPs", _ZOO, "analytic", giga_bops,
              lambda: _whole(digits)[1] / GIGA, 0.5 / giga_bops, bops_off, how="count"),
    )  # fmt: skip


def _between(budget: str) -> tuple[float, float]:
    """Size in MiB and 1024e6 BOPs between the ends, which the notebook leaves out, at its optimum."""
    net = zoo.build("resnet18")
    inside = Workload(net.name, tuple(op for op in weighted(net) if op.name not in OUTSIDE))
    bits = by_name(inside, ALLOCATIONS[budget])
    return weight_bytes(inside, bits, ENDS_BITS) / MIB, bops(inside, bits, ENDS_BITS) / GIGA


def _optimum(budget: str, mib: float, giga_bops: float) -> tuple[Claim, Claim]:
    what = f"ResNet-18 between its ends at the optimum of {budget}"
    return (
        Claim("HAWQ-V3", f"optimum-size-{budget}", f"{what}, MiB", _SOLVED, "analytic", mib,
              lambda: _between(budget)[0], rtol=1e-4, how="run"),
        Claim("HAWQ-V3", f"optimum-bops-{budget}", f"{what}, 1024e6 BOPs", _SOLVED, "analytic", giga_bops,
              lambda: _between(budget)[1], rtol=1e-4, how="run"),
    )  # fmt: skip


CLAIMS = (
    *_optimum("size0.5", 7.2656, 89.715),
    *_optimum("bops0.5", 5.9902, 65.028),
    *_optimum("latency0.5", 6.5625, 68.039),
    *_published("fp32", 44.6, 1858.0, bops_off=_UNIT),
    *_published("uniform8", 11.1, 116.0, bops_off=_UNIT),
    *_published("size0.75", 9.9, 103.0, _OFF),
    *_published("size0.5", 7.9, 98.0, _OFF, _FEW),
    *_published("size0.25", 7.3, 95.0, _OFF, _FEW),
    *_published("bops0.75", 8.7, 92.0, _OFF),
    *_published("bops0.5", 6.7, 72.0, _OFF),
    *_published("bops0.25", 6.1, 54.0, _OFF, _FEW),
    *_published("latency0.5", 7.2, 76.0, _OFF, _FEW),
    *_published("uniform4", 5.8, 34.0),
)
