"""AdaQuant: int4 or int8 a layer of a digits network by an integer program, layers calibrated one after another."""

from collections.abc import Iterator

from app.study.row import Row
from costmodel.hardware import gpu
from costmodel.precision import precision
from costmodel.strategies.adaquant import budget_bytes
from dse import choices, minimize
from dse.compression.adaquant import adaquant
from dse.compression.layer_by_layer import quantise
from dse.metric import loss, weight_bytes
from dse.sensitivity.evaluate import accuracy
from dse.sensitivity.fake_quantize import apply

FORMATS = ("int4/int8", "int8/int8")
THRESHOLDS = (0.25, 0.2, 0.17, 0.14)
"""Sizes over that in fp32 which a plan may have."""


def rows(seed: int) -> Iterator[Row]:
    """Yield the whole network, and the plan of each threshold, rounded to nearest and calibrated."""
    from app.demo.network import digits, train, use_one_thread
    from costmodel.importers import torch_export

    use_one_thread()
    data = digits(seed)
    module = train(data["train"], seed=seed)
    workload = torch_export.read(module, (data["test"][0][:1],))
    on = choices(module, list(FORMATS), data["calibration"])

    def row(setting: str, share: float, right: float) -> Row:
        return Row("digits CNN", setting, "bytes of weights over fp32's", share, "right answers", right, seed)

    yield row("fp32", 1.0, accuracy(module, data["test"]))
    for threshold in THRESHOLDS:
        most = budget_bytes(workload, threshold)
        plan = minimize(loss, over=on, on=gpu("h100_sxm"), subject_to=[weight_bytes <= most])
        share = threshold * plan.totals["weight_bytes"] / most
        precisions = {name: precision(used) for name, used in plan.assignment.items()}
        ranges = on.sensitivity(tuple(map(precision, FORMATS))).ranges
        nearest = apply(module, precisions, ranges)
        moved = quantise(module, precisions, ranges, data["calibration"][0], adaquant(seed=seed))
        yield row(f"at most {threshold}, nearest", share, accuracy(nearest, data["test"]))
        yield row(f"at most {threshold}, calibrated", share, accuracy(moved, data["test"]))
