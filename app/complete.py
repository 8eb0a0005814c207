"""What the shell completes: models, devices, precisions, metrics and strategies by name."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def models(_ctx: Any, _param: Any, incomplete: str) -> "list[CompletionItem]":
    """Names of the zoo as zoo:NAME, and the other schemes."""
    from click.shell_completion import CompletionItem

    from costmodel import zoo

    spelled = [f"zoo:{name}" for name in zoo.names()]
    found = [name for name in spelled if name.startswith(incomplete)]
    schemes = [s for s in ("torch:", "onnx:", "hf:") if s.startswith(incomplete)]
    return [CompletionItem(name) for name in found + schemes]


def devices(_ctx: Any, _param: Any, incomplete: str) -> "list[CompletionItem]":
    """Devices by name, the user's own among them; files where no name fits."""
    from click.shell_completion import CompletionItem

    from costmodel import hardware

    found = [n for kind in ("gpu", "fpga", "cpu") for n in hardware.names(kind) if n.startswith(incomplete)]
    return [CompletionItem(name) for name in found] or [CompletionItem(incomplete, type="file")]


def exports(_ctx: Any, _param: Any, incomplete: str) -> "list[CompletionItem]":
    """Targets of exports by name."""
    from click.shell_completion import CompletionItem

    from app.exports import names

    return [CompletionItem(name) for name in names() if name.startswith(incomplete)]


def precisions(_ctx: Any, _param: Any, incomplete: str) -> "list[CompletionItem]":
    """The usual pairs of widths, and formats by name."""
    from click.shell_completion import CompletionItem

    from costmodel import formats

    pairs = ("w32a32", "w16a16", "w8a16", "w4a16", "w8a8", "w4a8", "w4a4")
    return [CompletionItem(name) for name in (*pairs, *formats.names()) if name.startswith(incomplete)]


def listed_precisions(ctx: Any, param: Any, incomplete: str) -> "list[CompletionItem]":
    """The last of several precisions, between which there are commas."""
    from click.shell_completion import CompletionItem

    given, comma, last = incomplete.rpartition(",")
    return [CompletionItem(f"{given}{comma}{item.value}") for item in precisions(ctx, param, last)]


def metrics(_ctx: Any, _param: Any, incomplete: str) -> "list[CompletionItem]":
    """Metrics that a budget limits, by name."""
    from click.shell_completion import CompletionItem

    from dse.metric import METRICS

    return [CompletionItem(name) for name in METRICS if name.startswith(incomplete)]


def strategies(_ctx: Any, _param: Any, incomplete: str) -> "list[CompletionItem]":
    """Strategies by name."""
    from click.shell_completion import CompletionItem

    from costmodel.strategies import names

    return [CompletionItem(name) for name in names() if name.startswith(incomplete)]
