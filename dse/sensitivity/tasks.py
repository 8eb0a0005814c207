"""What a network's outputs are, told by outputs and targets, and hence how far it is off: its loss and its score.

Classes have the cross entropy, single yes or no answers that of a Bernoulli variable, numbers the squared error
relative to their variance (1 - R2): Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.6, pairs them
so with what a network's last layer gives. Increases over the network's own answers as targets are then Kullback-Leibler
divergences, of numbers up to a factor: that of two normal distributions of equal variance (ibid., section 1.6.1).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dse.sensitivity.calls import Data, answer, checked, evaluating, run, split, tensors

if TYPE_CHECKING:
    import torch

CLASSES, BINARY, VALUES = "classes", "yes or no", "values"
IGNORED = -100
"""A target class that does not count: torch.nn.CrossEntropyLoss's `ignore_index`."""
LOOKED_AT = 256
"""Examples whose outputs tell what outputs are (a judgement)."""
SIMPLEX = 1e-3
"""How far outputs that sum to 1 may be off and be probabilities; 20 times as far in 16-bit formats (a judgement)."""


@dataclass(frozen=True, eq=False)
class Task:
    """What outputs are; `decide` tells.

    kind    CLASSES, of which one along `axis` (1, or -1 the last) is right; BINARY, each output by itself; VALUES
    count   of classes
    shares  outputs are probabilities, not logits
    scale   of VALUES: the variance that squared errors are relative to, a number or float64 [outputs]
    counted  the share of positions whose class is not IGNORED
    ahead   a position's class is the target of the next: Hugging Face's causal language models shift labels themselves
    """

    kind: str
    axis: int = 1
    count: int = 0
    shares: bool = False
    scale: "torch.Tensor | float" = 1.0
    counted: float = 1.0
    ahead: bool = False

    @property
    def told(self) -> str:
        """What outputs were taken as, in words."""
        what = "probabilities" if self.shares else "logits"
        if self.kind == CLASSES:
            where = " along the last axis" * (self.axis == -1) + " of the next position" * self.ahead
            return f"{what} of {self.count} classes{where}"
        return f"{what} of yes or no" if self.kind == BINARY else "values"

    def loss(self, outputs: Any, targets: "torch.Tensor") -> "torch.Tensor":
        """The mean loss of a batch, in float64: targets are classes or their probabilities, 0 to 1, or values."""
        import torch

        found = answer(outputs).double()
        if self.kind == VALUES:
            return ((found - targets.reshape(found.shape)).square() / self.scale).mean()
        if self.kind == BINARY:
            wanted = targets.reshape(found.shape).double()
            if self.shares:
                return torch.nn.functional.binary_cross_entropy(found.clamp(0, 1), wanted)
            return torch.nn.functional.binary_cross_entropy_with_logits(found, wanted)
        found = found.clamp_min(torch.finfo(torch.float64).tiny).log() if self.shares else found
        found = found.movedim(self.axis, 1)
        if targets.is_floating_point() and targets.numel() == found.numel():
            return torch.nn.functional.cross_entropy(found, targets.double().movedim(self.axis, 1))
        wanted = self.classes(targets, found.shape[:1] + found.shape[2:])
        if self.counted == 1:
            return torch.nn.functional.cross_entropy(found, wanted)
        total = torch.nn.functional.cross_entropy(found, wanted, ignore_index=IGNORED, reduction="sum")
        return total / (wanted.numel() * self.counted)

    def classes(self, targets: "torch.Tensor", shape: "torch.Size") -> "torch.Tensor":
        """The right class of each position, IGNORED where none counts: int64 of that shape."""
        import torch

        found = targets.reshape(shape).long()
        return torch.cat([found[:, 1:], torch.full_like(found[:, :1], IGNORED)], dim=1) if self.ahead else found

    def right(self, outputs: Any, targets: "torch.Tensor") -> tuple[int, int]:
        """How many answers are right, and of how many; (0, 0) where nothing is right or wrong."""
        found = answer(outputs)
        if self.kind == VALUES:
            return 0, 0
        if self.kind == BINARY:
            yes = found > (0.5 if self.shares else 0.0)
            return int((yes == (targets.reshape(found.shape) > 0.5)).sum()), targets.numel()
        if targets.numel() == found.numel():
            if not _yes_or_no(targets):
                return 0, 0
            return int((found.argmax(self.axis) == targets.argmax(self.axis)).sum()), targets.select(
                self.axis, 0
            ).numel()
        best = found.argmax(self.axis)
        wanted = self.classes(targets, best.shape)
        return int((best == wanted).sum()), int((wanted != IGNORED).sum())


def decide(module: "torch.nn.Module", data: Data) -> Task:
    """Tell by outputs of the first examples and all targets what a module's outputs are; ValueError as `decided`."""
    with evaluating(module):
        first = next(split(checked(data)[0], LOOKED_AT))
        return decided(run(module, first), data, len(tensors(first)[0]))


def decided(outputs: Any, data: Data, examples: int) -> Task:
    """The same by the outputs of the first `examples`.

    Targets (N, ...) of whole numbers beside outputs (N, classes, ...), as torch has them, or (N, ..., classes), as
    language models have them, are classes; as many targets as outputs are yes or no where all are 0 or 1, classes
    where they sum to 1 along an axis, else values. Without targets (None) (N, classes) are classes, and so are
    (N, positions, classes) of token inputs (N, positions); single numbers are values. Targets among the keyword
    arguments of one of Hugging Face's causal language models are those of the position before.
    ValueError where targets do not fit, are no class of the network's, or it cannot be known what outputs are.
    """
    found = answer(outputs)
    if len(found) != examples:
        raise ValueError(f"the first axis of outputs must count examples, {examples} here, got {tuple(found.shape)}")
    inputs, targets = checked(data)
    each = tuple(found.shape[1:])
    tokens = any(not x.is_floating_point() and tuple(x.shape[1:]) == each[:1] for x in tensors(inputs)) and (
        len(each) == 2
    )
    if targets is None:
        return _untold(outputs, found, each, tokens=tokens)
    per_example = tuple(targets.shape[1:])
    if found[:1].numel() == targets[:1].numel() and (per_example == each or found[:1].numel() == 1):
        return _elementwise(found, targets.reshape(-1, *each))
    per_example = () if per_example == (1,) else per_example
    axes = [axis for axis, rest in ((1, each[1:]), (-1, each[:-1])) if each and rest == per_example]
    axes = axes[:1] if len(each) == 1 else axes
    if len(axes) == 2:
        if not tokens:
            raise ValueError(
                f"classes may be along either axis of outputs {_told(each)} by targets {_told(per_example)}; "
                "measure with --sensitivity mse, or pass a loss_fn"
            )
        axes = [-1]
    if not axes or not _whole(targets):
        raise ValueError(
            f"targets {_told(per_example)} do not fit outputs {_told(each)}: classes are whole numbers (N, ...) beside "
            "outputs (N, classes, ...) or (N, ..., classes), values as many as outputs"
        )
    ahead = axes == [-1] and len(each) == 2 and isinstance(inputs, Mapping) and "CausalLM" in type(outputs).__name__
    return _classes(found, targets, axes[0], ahead=ahead)


def _classes(found: "torch.Tensor", targets: "torch.Tensor", axis: int, *, ahead: bool) -> Task:
    task = Task(CLASSES, axis, found.shape[axis], _are_shares(found, axis), ahead=ahead)
    targets = task.classes(targets, targets.shape)
    count, kept = task.count, targets[targets != IGNORED]
    if not kept.numel():
        raise ValueError(f"targets must name a class at least once, all are {IGNORED}")
    low, high = int(kept.min()), int(kept.max())
    if low < 0 or high >= count:
        raise ValueError(f"targets must be classes 0 to {count - 1} of the network's {count}, got {low} to {high}")
    return replace(task, counted=kept.numel() / targets.numel())


def _elementwise(found: "torch.Tensor", targets: "torch.Tensor") -> Task:
    """As many targets as outputs: probabilities of classes, yes or no, or values."""
    for axis in dict.fromkeys((1, -1) if found.ndim > 1 else ()):
        if found.shape[axis] > 1 and _are_shares(targets, axis):
            return Task(CLASSES, axis, found.shape[axis], _are_shares(found, axis))
    if _yes_or_no(targets):
        return Task(BINARY, shares=bool(((found >= 0) & (found <= 1)).all()))
    return Task(VALUES, scale=variance(targets))


def _untold(outputs: Any, found: "torch.Tensor", each: tuple[int, ...], *, tokens: bool) -> Task:
    """What outputs are by themselves."""
    if (isinstance(outputs, Mapping) and outputs.get("logits") is None) or found[:1].numel() == 1:
        return Task(VALUES, scale=variance(found))
    if len(each) == 1 or tokens:
        axis = -1 if tokens else 1
        return Task(CLASSES, axis, found.shape[axis], _are_shares(found, axis))
    raise ValueError(
        f"whether outputs {_told(each)} are classes, and along which axis, is told by targets alone: "
        "give data with them, measure with --sensitivity mse, or pass a loss_fn"
    )


def variance(values: "torch.Tensor") -> "torch.Tensor | float":
    """What squared errors of values [examples, ...] are relative to: float64 [outputs] of two axes, else one number.

    An output that is always the same is relative to its square, or to 1 where it is always 0.
    """
    import torch

    rows = values.double().reshape(len(values), -1) if values.ndim == 2 else values.double().reshape(-1, 1)
    spread = rows.var(dim=0, correction=0)
    square = rows.square().mean(dim=0)
    still = spread <= 1e-12 * square
    found = torch.where(still, torch.where(square > 0, square, 1.0), spread)
    return found if values.ndim == 2 else float(found)


def _are_shares(values: "torch.Tensor", axis: int) -> bool:
    """Whether numbers are at least 0 and sum to 1 along an axis."""
    import torch

    near = SIMPLEX * (20 if values.dtype in (torch.bfloat16, torch.float16) else 1)
    return bool((values >= 0).all()) and bool(((values.double().sum(axis) - 1).abs() <= near).all())


def _yes_or_no(targets: "torch.Tensor") -> bool:
    return bool(((targets == 0) | (targets == 1)).all())


def _whole(targets: "torch.Tensor") -> bool:
    return not targets.is_floating_point() or bool((targets == targets.round()).all())


def _told(each: tuple[int, ...]) -> str:
    return f"({', '.join(('N', *map(str, each)))})"
