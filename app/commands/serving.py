"""bitfront serving: how many requests GPUs serve within limits on latency, and what a token costs."""

import re
from typing import Any

import click

from app import complete


@click.command("serving")
@click.argument("model", shell_complete=complete.models)
@click.option("--on", "devices", required=True, metavar="DEVICE,...", shell_complete=complete.devices, help="GPUs.")
@click.option("--gpus", default="1", show_default=True, metavar="N,...", help="GPUs that share each layer.")
@click.option(
    "--precision",
    default="bf16",
    show_default=True,
    metavar="P,...",
    shell_complete=complete.listed_precisions,
    help="As in estimate.",
)
@click.option("--prompt", type=int, required=True, help="Tokens of a request.")
@click.option("--output", type=int, required=True, help="Tokens of its answer.")
@click.option("--ttft", metavar="TIME", help="The longest time to the first token, as 500ms.")
@click.option("--tpot", metavar="TIME", help="The longest time for each further token, as 50ms.")
@click.option(
    "--price", multiple=True, metavar="[DEVICE=]PRICE", help="Of one GPU for an hour, in your currency; may repeat."
)
@click.option("--mode", default="continuous", show_default=True, metavar="M,...", help="continuous, synchronous.")
@click.option(
    "--strategy",
    default="none",
    metavar="NAME:KEY=VALUE,...",
    shell_complete=complete.strategies,
    help="What edits the network; 'a + b' is both.",
)
@click.option("--memory-share", type=float, help="Of each GPU's memory, for the server; 0.9 if not given.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    model: str, devices: str, gpus: str, precision: str, prompt: int, output: int, ttft: str | None, tpot: str | None,
    price: tuple[str, ...], mode: str, strategy: str, memory_share: float | None, as_json: bool,
) -> None:  # fmt: skip
    """Plan servers of MODEL: the largest batch within the limits, its throughput and the cost of a million tokens.

    Continuous batching lets requests join as others leave, and each prefill stops the decodes; synchronous batching
    reads and writes a batch at a time. A text takes the time to its first token and that of each further one. Exchanges
    between GPUs are formulas of their link. A server that cannot run or meets no limit says why; where none does, the
    least possible is printed and the exit code is 3.
    """
    from app.choices import names
    from app.progress import working
    from app.serving import Question, plan
    from app.text import to_json
    from costmodel.estimators.server import Limits
    from costmodel.estimators.serving import Requests

    question = Question(
        model,
        tuple(names(devices)),
        tuple(_count(text) for text in names(gpus)),
        tuple(names(precision)),
        tuple(names(mode)),
        Requests(prompt, output),
        Limits(**{key: _seconds(f"--{key[:4]}", text) for key, text in (("ttft_s", ttft), ("tpot_s", tpot)) if text}),
        dict(_price(text) for text in price),
        strategy,
        memory_share,
    )
    with working("Planning servers"):
        result = plan(question)
    if as_json:
        click.echo(to_json(result))
    else:
        _show(result)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"--gpus must be whole numbers of at least 1, got {text!r}")
    return int(text)


def _seconds(option: str, text: str) -> float:
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*(s|ms|us)\s*", text)
    if not match:
        raise ValueError(f"{option} must be a time with its unit, as 500ms or 0.5s, got {text!r}")
    return float(match[1]) * {"s": 1.0, "ms": 1e-3, "us": 1e-6}[match[2]]


def _price(text: str) -> tuple[str, float]:
    device, _, value = text.rpartition("=")
    try:
        return device.strip(), float(value)
    except ValueError:
        raise ValueError(f"--price must be a number or DEVICE=number, got {text!r}") from None


def _show(result: dict[str, Any]) -> None:
    from app.text import print_table

    named = ["device", "gpus", "precision", "mode"]
    rows = [_told(row) for row in result["plans"] if "reason" not in row]
    print_table(f"{result['model']}: largest batch within the limits (90 % interval)", rows, list(rows[0]))
    for step in result["left_alone"]:
        click.echo(f"{step['strategy']} leaves the {step['phase']} as it is")
    for row in result["plans"]:
        if "reason" in row:
            click.echo(f"{' '.join(str(row[key]) for key in named)}: {row['reason']}")
    for c in result["crossovers"]:
        where = f"{c['gpus']} x {c['device']}, {c['mode']}"
        told = f"{where}: from batch {c['batch']} on {c['overtakes']} writes more than {c['overtaken']}"
        unsure = f"; from {c['batch_low']} to {c['batch_high']} their intervals meet, so either may"
        click.echo(told + (unsure if c["batch_low"] < c["batch_high"] else ""))


def _told(row: dict[str, Any]) -> dict[str, str]:
    """A plan as it is shown."""
    from app.text import quantity

    def between(name: str) -> str:
        stem = name.removesuffix("_s")
        ends = (f"{stem}_low_s", f"{stem}_high_s") if name in ("ttft_s", "tpot_s") else (f"{name}_low", f"{name}_high")
        low, high = (quantity("", row[end]).strip() for end in ends)
        return f"{quantity(name, row[name])} ({low}-{high})"

    shown = {name: str(row[name]) for name in ("device", "gpus", "precision", "mode")}
    shown["batch"] = f"{row['batch']:.0f}"
    shown |= {"ttft": between("ttft_s"), "tpot": between("tpot_s")}
    shown["text"] = quantity("text_s", row["text_s"])
    shown["tokens/s"] = between("tokens_per_s").replace("/s", "")
    shown["memory"] = quantity("memory_bytes", row["memory_bytes"])
    if row["energy_j_per_token"] == row["energy_j_per_token"]:
        shown["J/token"] = quantity("", row["energy_j_per_token"])
    if "cost_per_million" in row:
        ends = [row[f"cost_per_million{end}"] for end in ("", "_low", "_high")]
        shown["cost/M tokens"] = "{:.3g} ({:.3g}-{:.3g})".format(*ends)
    return shown
