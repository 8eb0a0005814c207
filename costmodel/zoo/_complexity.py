"""Complexity as pycls counts it, and its counts of the networks that the zoo shares with it.

facebookresearch/pycls, dev/model_complexity.json, configs/dds_baselines (September 2020). Its ResNeXts are not here.
"""

from functools import partial

from costmodel.claim import Claim
from costmodel.workload import Workload
from costmodel.zoo.efficientnet import efficientnet
from costmodel.zoo.regnet import regnet
from costmodel.zoo.resnet import resnet

QUANTITIES = ("FLOPs of {}, a MAC as one and a bias as one more", "parameters of {}", "activations of {}")


def complexity(workload: Workload) -> tuple[float, float, float]:
    """FLOPs, parameters and activations: a MAC is one FLOP and so is adding a bias.

    Activations are the results of convolutions, linear layers and pooling windows.
    """
    layers = [op for op in workload.ops if op.kind in ("conv", "linear")]
    pools = [op for op in workload.ops if op.kind == "pooling" and op.window.kernel_height > 1]
    biases = sum(op.output_elements for op in layers if op.vector_elements)
    activations = sum(op.output_elements for op in layers + pools)
    return (
        float(sum(op.macs for op in layers) + biases),
        float(sum(op.params for op in workload.ops)),
        float(activations),
    )


_PYCLS = (
    ("efficientnet_b0", 224, (385825092, 5288548, 6748036)),
    ("efficientnet_b1", 240, (686817992, 7794184, 10884328)),
    ("efficientnet_b2", 260, (993578282, 9109994, 13832834)),
    ("efficientnet_b3", 300, (1827162472, 12233232, 23831296)),
    ("efficientnet_b4", 380, (4393801064, 19341616, 49489032)),
    ("efficientnet_b5", 456, (10266426072, 30389784, 98857400)),
    ("regnetx_002", 224, (199040872, 2684792, 2164056)),
    ("regnetx_004", 224, (397678568, 5157512, 3143272)),
    ("regnetx_006", 224, (600891112, 6196040, 3975096)),
    ("regnetx_008", 224, (799700712, 7259656, 5148744)),
    ("regnetx_016", 224, (1602850792, 9190136, 7933512)),
    ("regnetx_032", 224, (3176622952, 15296552, 11367432)),
    ("regnetx_040", 224, (3964499816, 22118248, 12201608)),
    ("regnetx_064", 224, (6460292264, 26209256, 16369744)),
    ("regnetx_080", 224, (7995133416, 39572648, 14059688)),
    ("regnetx_120", 224, (12086679016, 46106056, 21366568)),
    ("regnetx_160", 224, (15940756456, 54278536, 25515496)),
    ("regnetx_320", 224, (31735930792, 107811560, 36302160)),
    ("regnety_002", 224, (199519076, 3162996, 2168052)),
    ("regnety_004", 224, (401849056, 4344144, 3892496)),
    ("regnety_006", 224, (601227608, 6055160, 4334296)),
    ("regnety_008", 224, (797183328, 6263168, 5249888)),
    ("regnety_016", 224, (1612087326, 11202430, 8044814)),
    ("regnety_032", 224, (3176496162, 19436338, 11263418)),
    ("regnety_040", 224, (3973301344, 20646656, 12287200)),
    ("regnety_064", 224, (6355221876, 30583252, 16407188)),
    ("regnety_080", 224, (7963074196, 39180068, 17968916)),
    ("regnety_120", 224, (12092395504, 51822544, 21384496)),
    ("regnety_160", 224, (15911534044, 83590140, 23041228)),
    ("regnety_320", 224, (32279583362, 145046770, 30261570)),
    ("resnet50", 224, (4089185256, 25557032, 11315688)),
    ("resnet101", 224, (7801406440, 44549160, 16433640)),
    ("resnet152", 224, (11513627624, 60192808, 22755816)),
)


def _counted(name: str, resolution: int, quantity: int) -> float:
    build = {"eff": efficientnet, "reg": regnet, "res": resnet}[name[:3]]
    return complexity(build(name, resolution=resolution))[quantity]


CLAIMS = tuple(
    Claim("Fast model scaling", f"{name}-{('flops', 'params', 'acts')[i]}", QUANTITIES[i].format(name),
          "facebookresearch/pycls, dev/model_complexity.json", "analytic", float(published[i]),
          partial(_counted, name, resolution, i), rtol=0.0, how="count")
    for name, resolution, published in _PYCLS
    for i in range(3)
)  # fmt: skip
