"""Options that say how the loss of each layer's formats is found."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

MEASURED, FORETOLD = ("loss", "kl", "mse"), ("hessian", "fisher", "sqnr")
METHODS = (*MEASURED, *FORETOLD)


def options(command: F) -> F:
    """Give a command --sensitivity and --ranges, which arrive as `method` and `ranges`; None where not given."""
    method = click.option(
        "--sensitivity",
        "method",
        type=click.Choice(METHODS),
        help="Of a torch model with data: loss (on labels), kl (the default), mse, hessian, fisher, sqnr.",
    )
    ranges = click.option(
        "--ranges",
        metavar="RULE",
        help="Where inputs are cut off in what is measured: min-max (the default), percentile[:99.9], mse, learned.",
    )
    return method(ranges(command))


def require_use(method: str | None, ranges: str | None, *, scored: bool) -> None:
    """ValueError where ranges would change nothing: losses are foretold, and no plan is `scored` on held-out data."""
    if ranges not in (None, "min-max") and method in FORETOLD and not scored:
        why = f"{method} foretells losses without cutting inputs off, and no held-out data score the plans here"
        raise ValueError(f"--ranges {ranges} would change nothing: {why}; take {', '.join(MEASURED)}, or leave it out")
