"""Choices: a model with the formats its layers may take, and the data that says what each costs in quality."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from costmodel import display
from costmodel.catalog import require
from costmodel.estimators import fpga
from costmodel.estimators.fpga import Design
from costmodel.formats import get
from costmodel.hardware import Device, Fpga
from costmodel.precision import Precision, precision
from costmodel.strategies.nm_sparsity import NMSparsity
from costmodel.workload import Workload
from dse import noise, problem_columns
from dse.problem import Problem, build, require_layers, widest_of
from dse.restrictions import require_names
from dse.sensitivity import Sensitivity, quantisable
from dse.sensitivity.calls import take, tensors
from dse.sensitivity.cutoffs import parse
from dse.sensitivity.examples import gathered
from dse.sensitivity.interactions import Interactions
from dse.sensitivity.methods import MEASURED, SOURCES, pairwise, sensitivity
from dse.sensitivity.opening import opened
from dse.sensitivity.prepared import prepared

if TYPE_CHECKING:
    from dse.sensitivity.calls import Data

WIDE_PIPES = ("bf16", "fp16", "fp32")
"""Activation formats of a weight-only format on a GPU or CPU: the first whose pipe the device has."""

ASSIGNMENTS = 24
"""Random whole assignments that say how well measured losses add up (a judgement: a correlation to about 0.1)."""


@dataclass(frozen=True, eq=False)
class Choices:
    """A model's formats to choose among; `dse.choices` makes one.

    workload  what the model computes
    formats   spellings: weight/activation pairs, w4a16 forms, or single formats that `options` completes for a device;
              each may end in @n:m, as int8@2:4, for n of every m weights kept
    module    the torch module whose loss is measured on `data`, its recurrent layers and attention opened
              (`sensitivity.opening`), or None: then the data-free proxy stands in
    method    how losses are found, of `sensitivity.methods.SOURCES`; "kl" measures the divergence from the module's own
              outputs, which needs no targets, is never negative and is free of label noise
    ranges    where layers' inputs are cut off, as `sensitivity.cutoffs.parse` reads it
    loss_fn   maps (outputs, targets) to a mean loss where the method has one; by default what suits the outputs and
              targets (`sensitivity.tasks.decided`): classes, yes or no, or values
    taken     which examples of a data set or loader were taken, in words
    design    lays a network out on an FPGA at a batch of precisions: a dataflow or an overlay
    """

    workload: Workload
    formats: tuple[str, ...]
    module: Any = None
    data: "Data | None" = None
    method: str = "kl"
    ranges: str = "min-max"
    loss_fn: Any = None
    progress: Callable[[int, int], Any] | None = None
    design: Callable[[Workload, Precision, Fpga], Design] = fpga.fold
    taken: str = ""
    measured: dict[tuple[Precision, ...], Sensitivity] = field(default_factory=dict, repr=False)

    def on(self, device: Device, laid_for: int | None = None) -> Problem:
        """The allocation problem on a device; measures the sensitivities the first time that its options are needed.

        An FPGA is laid out for the option `laid_for`, by default the widest.
        """
        options, sparse = self.options(device), self.strategies
        given: dict[str, Any] = {"strategies": sparse, "spelled": self.formats, "design": self.design}
        given["laid_for"] = laid_for
        if self.module is None:
            layers, source = self.workload.layers, SOURCES["sqnr"]
            loss = self._noise(layers, options)
            return build(self.workload, device, layers=layers, options=options, loss=loss, loss_source=source, **given)
        if any(sparse):
            raise ValueError("sparse options take the data-free proxy: give the model without data, as a Workload")
        found = self.sensitivity(options)
        loss = found.clipped()
        source = "; ".join(filter(None, (found.source, self.taken, self._cut_off)))
        problem = build(
            self.workload, device, layers=found.layers, options=options, loss=loss, loss_source=source, **given
        )
        return replace(problem, additivity=found.additivity, ranges=found.ranges)

    @property
    def _cut_off(self) -> str:
        """Where inputs are cut off, in words, "" at the largest magnitudes."""
        beside = "" if self.method in MEASURED else " in what is measured of whole plans alone"
        return "" if self.ranges == "min-max" else f"{self.ranges} ranges{beside}"

    def _noise(self, layers: tuple[str, ...], options: tuple[Precision, ...]) -> NDArray[np.float64]:
        """The proxy of each layer and of the caches that follow it, at each option: float64[layers, options]."""
        require_layers(self.workload, layers)
        follows = problem_columns.followed(self.workload, layers)
        return problem_columns.by_layer(
            noise.per_op(self.workload, options, self.strategies), follows, widest_of(options)
        )

    @property
    def strategies(self) -> tuple[NMSparsity | None, ...]:
        """What prunes the layers that take each option; () where no option is sparse."""
        found = tuple(_strategy(spelling) for spelling in self.formats)
        return found if any(found) else ()

    def options(self, device: Device) -> tuple[Precision, ...]:
        """The precisions that the formats mean on a device, in order.

        A single format is weight and activation both on an FPGA; elsewhere it is the weight's alone, and activations
        are in the widest matching pipe that the device has (WIDE_PIPES).
        """
        found = tuple(_option(spelling, device) for spelling in self.formats)
        if len(set(zip(found, self.strategies or found, strict=True))) < len(found):
            raise ValueError(f"formats must differ on {device.name}, got {', '.join(o.name for o in found)}")
        stated = next((option.name for option in found if option.output is not None), "")
        if isinstance(device, Fpga) and stated and len({option.activation for option in found}) > 1:
            raise ValueError(
                f"a plan on {device.name} writes what its layers read: {stated} can be chosen beside formats of its "
                "activations alone"
            )
        return found

    def sensitivity(self, options: tuple[Precision, ...]) -> Sensitivity:
        """What each layer's options cost in calibration loss, measured once."""
        if options not in self.measured:
            assert self.data is not None
            named = [name for name in self.workload.layers if name in quantisable(self.module)]
            require_layers(self.workload, named)
            self.measured[options] = sensitivity(
                self.module,
                self.data,
                options,
                [self.workload.op(name) for name in named],
                method=self.method,
                ranges=self.ranges,
                loss_fn=self.loss_fn,
                assignments=ASSIGNMENTS,
                progress=self.progress,
            )
        return self.measured[options]

    def _repr_html_(self) -> str:
        how = self.method if self.module is None else f"{self.method} on calibration data, {self.ranges} ranges"
        values = {"layers": len(self.workload.layers), "formats": ", ".join(self.formats), "loss": how}
        return display.card(f"Choices of {self.workload.name}", values)

    def interactions(self, options: tuple[Precision, ...]) -> Interactions:
        """What every two layers' options cost together beyond each alone; ValueError where the method foretells."""
        assert self.data is not None
        ranges = self.sensitivity(options).ranges
        return pairwise(
            self.module, self.data, options, ranges, method=self.method, loss_fn=self.loss_fn, progress=self.progress
        )


def choices(
    model: Any,
    formats: Sequence[str],
    calibration_data: Any = None,
    *,
    batch: int = 1,
    method: str = "",
    ranges: str = "min-max",
    loss_fn: Any = None,
    progress: Callable[[int, int], Any] | None = None,
) -> Choices:
    """Return the choices of a torch module with calibration data, or of a bare Workload without.

    calibration_data  (inputs, targets) in tensors or arrays, inputs a tuple or a mapping of a module's arguments;
                      inputs alone; a data set or loader, of which some are taken (`sensitivity.examples.gathered`)
    Other arguments as in Choices; by default the method is "loss" where there is a `loss_fn`, else "kl", and "sqnr" of
    a Workload, which has no other. Costs are those of `batch` examples a pass. `progress` is told (step, steps) while
    sensitivities are measured. ValueError on an empty list, a module without data, or a batch beyond the data;
    TypeError for what is neither module nor Workload, or formats that are no list of names.
    """
    _require_formats(formats)
    if method:
        require("sensitivity", method, SOURCES)
    parse(ranges)
    if isinstance(model, Workload):
        if method not in ("", "sqnr") or ranges != "min-max":
            what = f"{method} sensitivity" if method not in ("", "sqnr") else f"{ranges} ranges"
            raise ValueError(f"{what} needs a torch module with calibration data; {model.name} has no weights")
        if calibration_data is not None:
            raise ValueError(
                f"a Workload has no weights to measure on calibration data; pass {model.name}'s torch module"
            )
        return Choices(model, tuple(formats), method="sqnr")
    _require_module(model)
    if calibration_data is None:
        raise ValueError("a torch module's loss is measured on calibration data, got none")
    from costmodel.importers import torch_export

    inputs, targets, told = gathered(calibration_data, "calibration data")
    module = prepared(model)
    examples = len(tensors(inputs)[0])
    if not 1 <= batch <= examples:
        raise ValueError(f"batch must be within 1 and the {examples} calibration examples, got {batch}")
    first = take(inputs, slice(batch))
    workload = torch_export.read(module, first)
    how = method or ("loss" if loss_fn else "kl")
    return Choices(
        workload, tuple(formats), opened(module, inputs), (inputs, targets), how, ranges, loss_fn, progress, taken=told
    )


def _require_module(model: Any) -> None:
    if not hasattr(model, "named_modules"):
        parts = isinstance(model, tuple | list)
        got = f"({', '.join(type(part).__name__ for part in model)})" if parts else f"a {type(model).__name__}"
        made = "torch_export.read(module, inputs) or cm.zoo.build(name)"
        raise TypeError(f"choices takes a torch module and calibration data, or a Workload, as {made} gives, got {got}")


def _require_formats(formats: Sequence[str]) -> None:
    require_names("formats", formats)
    if not formats:
        raise ValueError("formats must name at least one, got none")
    for spelling in formats:
        precision(spelling.partition("@")[0])


def _strategy(spelling: str) -> NMSparsity | None:
    _, at, kept = spelling.partition("@")
    if not at:
        return None
    match = re.fullmatch(r"(\d+):(\d+)", kept)
    if not match:
        raise ValueError(f"a sparse format is spelled like int8@2:4, got {spelling!r}")
    return NMSparsity(int(match[1]), int(match[2]))


def _option(spelling: str, device: Device) -> Precision:
    spelling = spelling.partition("@")[0]
    if "/" in spelling or not _is_format(spelling):
        return precision(spelling)
    if isinstance(device, Fpga):
        return precision(f"{spelling}/{spelling}")
    fmt = get(spelling)
    wide = next((p for p in WIDE_PIPES if not np.isnan(device.peak_flops.of(p))), "fp32")
    activation = spelling if fmt.is_float and fmt.bits >= get(wide).bits else wide
    return precision(f"{spelling}/{activation}")


def _is_format(spelling: str) -> bool:
    try:
        get(spelling)
    except ValueError:
        return False
    return True
