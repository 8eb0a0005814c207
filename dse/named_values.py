"""Values of a space's axes by what users call them: `fp32` for fp32/fp32, `resnet18` for zoo:resnet18."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from costmodel.catalog import MOST_LISTED
from costmodel.precision import precision
from dse.axes import Axis
from dse.expression import Expression

ZOO = "zoo:"


def named(expression: Expression, axes: Sequence[Axis]) -> Expression:
    """Return the expression with each text as the axis that it is compared with tells its value.

    ValueError, with the values that there are, where it is none of them: it would match nothing, and say nothing.
    """
    labels = {axis.name: axis.labels for axis in axes}
    return expression.reading(lambda name, text: _value(expression.text, name, text, labels[name]))


def _value(asked: str, name: str, text: str, labels: Sequence[Any]) -> str:
    known = [str(label) for label in labels]
    found = [each for each in (text, *_read(name, text, known)) if each in known]
    if not found:
        more = f" and {len(known) - MOST_LISTED} more" if len(known) > MOST_LISTED else ""
        told = f"{', '.join(known[:MOST_LISTED])}{more}"
        raise ValueError(f"no {name} of this space is {text!r}, as {asked} asks; there are {told}")
    return found[0]


def _read(name: str, text: str, known: Sequence[str]) -> Iterator[str]:
    """What else a text may be called on an axis."""
    if name == "model":
        yield ZOO + text
    if name == "precision" and (fmt := _or_none(precision, text)):
        yield fmt.name
    if name == "strategy":
        from costmodel.strategies import strategy

        step = _or_none(strategy, text)
        yield from (each for each in known if step is not None and _or_none(strategy, each) == step)


def _or_none(read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text)
    except ValueError:
        return None
