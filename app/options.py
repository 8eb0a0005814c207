"""Options that several commands share: which model on which device, which pass of it, how an FPGA is laid out."""

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar

import click

from app import complete

F = TypeVar("F", bound=Callable[..., Any])

PHASES = ("forward", "encode", "prefill", "decode", "training")


def subject(*, device_required: bool = True) -> Callable[[F], F]:
    """Give a command MODEL and --on, which arrive as `model` and `device`."""
    return _all(
        click.argument("model", shell_complete=complete.models),
        click.option(
            "--on",
            "device",
            required=device_required,
            metavar="DEVICE",
            shell_complete=complete.devices,
            help="A device's name (bitfront targets) or a TOML path.",
        ),
    )


def a_pass(command: F) -> F:
    """Give a command the options of a pass, which arrive by their names, --dim as `dims`; None where not given."""
    return _all(
        click.option("--batch", type=int, help="Images or sequences in a pass."),
        click.option("--resolution", type=int, help="Image height and width of a vision network."),
        click.option(
            "--context", type=int, help="Tokens of a language model: cached ones to decode after, or the prompt's."
        ),
        click.option(
            "--dim", "dims", multiple=True, callback=_sizes, metavar="NAME=SIZE", help="Size an ONNX file leaves open."
        ),
        click.option("--phase", type=click.Choice(PHASES), help="Which pass."),
    )(command)


def strategy(command: F) -> F:
    """Give a command --strategy, which arrives as `strategy`."""
    return click.option(
        "--strategy",
        default="none",
        metavar="NAME:KEY=VALUE,...",
        shell_complete=complete.strategies,
        help="What edits the network; 'a + b' is both.",
    )(command)


def edited_by(strategy: str) -> dict[str, str]:
    """What a result says of the strategy that edited its network, nothing where none did."""
    return {} if strategy == "none" else {"strategy": strategy}


def layout(command: F) -> F:
    """Give a command --mapping, --folding and --laid-for, of an FPGA."""
    return _all(
        click.option(
            "--mapping",
            type=click.Choice(["dataflow", "streamed", "overlay"]),
            help="On an FPGA: a unit a layer, with weights from memory where they do not fit, or one array.",
        ),
        click.option(
            "--folding", type=click.Path(dir_okay=False), help="On an FPGA: FINN's folding configuration (JSON)."
        ),
        click.option(
            "--laid-for",
            metavar="PRECISION",
            shell_complete=complete.precisions,
            help="On an FPGA: fold for this precision, whatever the layers have.",
        ),
    )(command)


def _all(*options: Callable[[F], F]) -> Callable[[F], F]:
    """The options in this order as one decorator."""
    return lambda command: reduce(lambda found, option: option(found), reversed(options), command)


def _sizes(_ctx: Any, _param: Any, edits: tuple[str, ...]) -> dict[str, int] | None:
    """Read --dim NAME=SIZE edits, None where there are none; a click.UsageError says what is wrong with one."""
    found: dict[str, int] = {}
    for edit in edits:
        name, equals, size = edit.rpartition("=")
        if not (equals and name and size.strip().isdecimal()):
            raise click.UsageError(f"--dim must be NAME=SIZE, got {edit!r}")
        found[name] = int(size)
    return found or None
