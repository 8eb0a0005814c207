"""Options that say how the loss of each layer's formats is found."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

METHODS = ("loss", "kl", "mse", "hessian", "fisher", "sqnr")


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
        help="Where layers' inputs are cut off: min-max (the default), percentile[:99.9], mse, learned.",
    )
    return method(ranges(command))
