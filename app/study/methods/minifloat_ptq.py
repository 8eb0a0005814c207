"""Shedding the Bits: integers and minifloats of digits networks, smoothed, corrected, by GPTQ, by learned rounding."""

from collections.abc import Callable, Iterator
from typing import Any

from app.study.costs import lut_per_mac
from app.study.row import Row
from costmodel.hardware import fpga
from costmodel.precision import precision
from dse.compression import adaround, correct_biases, gptq, quantise, smooth
from dse.sensitivity import accuracy, apply, observe, quantisable
from dse.sensitivity.clipping import clip, least_squares

PAIRS = ("int4/int4", "e2m1/e2m1", "int3/int6", "e2m0/e3m2")
"""Weights and activations of as many bits each, integers and minifloats."""
DEVICE, TERMS = "zcu104", 16
"""What LUTs a MAC are of, and the products of the dot product that they are of."""
STEPS = 200
"""Of learned rounding, a layer."""


def rows(seed: int) -> Iterator[Row]:
    """Yield both networks whole, and every pair of formats repaired in every way; a pair's repairs cost the same."""
    from app.demo.network import digits, train, use_one_thread
    from app.demo.transformer import train_transformer

    use_one_thread()
    data = digits(seed)
    trained: Any
    for name, trained in (("digits CNN", train), ("digits ViT", train_transformer)):
        module = trained(data["train"], seed=seed)
        yield _row(name, "fp32", float("nan"), accuracy(module, data["test"]), seed)
        for pair in PAIRS:
            used = precision(pair)
            lut, _ = lut_per_mac(used, fpga(DEVICE), TERMS)
            for how, repaired in _repaired(module, used, data["calibration"][0], seed):
                yield _row(name, f"{pair} {how}", lut, accuracy(repaired, data["test"]), seed)


def _row(network: str, setting: str, lut: float, right: float, seed: int) -> Row:
    return Row(network, setting, "LUTs a MAC", lut, "right answers", right, seed)


def _repaired(module: Any, used: Any, images: Any, seed: int) -> Iterator[tuple[str, Any]]:
    """The network in one pair of formats by every way to repair it."""
    layers = quantisable(module)
    choice = dict.fromkeys(layers, used)

    def ranges(of: Any) -> Any:
        return clip(of, observe(of, layers, images), images, [used.activation], least_squares)

    seen = ranges(module)
    nearest = apply(module, choice, seen)
    yield "nearest", nearest
    smoothed = smooth(module, _producers(module), images) if _producers(module) else None
    if smoothed is not None:
        yield "SmoothQuant", apply(smoothed, choice, ranges(smoothed))
    yield "bias correction", correct_biases(nearest, module, layers, images)
    repairs: dict[str, Callable[..., Any]] = {"GPTQ": gptq, "learned rounding": adaround(steps=STEPS, seed=seed)}
    for how, repair in repairs.items():
        yield how, quantise(module, choice, seen, images, repair)
    start = module if smoothed is None else smoothed
    both = quantise(start, choice, ranges(start), images, gptq)
    together = "GPTQ and bias correction" if smoothed is None else "SmoothQuant, GPTQ and bias correction"
    yield together, correct_biases(both, start, layers, images)


def _producers(module: Any) -> dict[str, tuple[str, ...]]:
    """A transformer's norms, and the layers that alone read each; none of a network whose inputs are not normalised."""
    blocks = range(len(getattr(module, "blocks", ())))
    sites = (("norm1", "attn.qkv"), ("norm2", "fc1"))
    return {f"blocks.{i}.{norm}": (f"blocks.{i}.{reader}",) for i in blocks for norm, reader in sites}
