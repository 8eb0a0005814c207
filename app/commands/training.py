"""bitfront training: how many GPUs share a training step best, and how long training takes."""

from collections.abc import Sequence
from typing import Any

import click

from app import complete

MOST = 10**6
"""More GPUs, or more sequences at once, are taken for slips of the keyboard."""


@click.command("training")
@click.argument("model", shell_complete=complete.models)
@click.option("--on", "device", required=True, metavar="DEVICE", shell_complete=complete.devices, help="A GPU.")
@click.option("--gpus", default="1", show_default=True, metavar="N,...", help="GPUs in all.")
@click.option("--tensor", default="1", show_default=True, metavar="N,...", help="GPUs that share each layer.")
@click.option("--pipeline", default="1", show_default=True, metavar="N,...", help="Stages of layers.")
@click.option("--interleave", type=int, default=1, show_default=True, help="Chunks of layers a stage.")
@click.option("--micro-batch", default="1", show_default=True, metavar="N,...", help="Sequences or images in one pass.")
@click.option("--zero", type=int, default=1, show_default=True, help="The ZeRO stage of the replicas, 0 to 3.")
@click.option("--recompute", default="none", show_default=True, help="none, pointwise (norms, activations) or layers.")
@click.option("--gradient-kept", type=float, default=1.0, show_default=True, help="Share of gradients exchanged.")
@click.option("--overlap", default="", metavar="E,...", help="Exchanges behind arithmetic: tensor, pipeline, data.")
@click.option("--batch", type=int, required=True, help="Sequences or images in a step, over all GPUs.")
@click.option("--context", type=int, help="Tokens of a sequence, of a network that reads them.")
@click.option("--resolution", type=int, help="Of a vision network's images, if not its own.")
@click.option(
    "--precision", default="bf16", show_default=True, shell_complete=complete.precisions, help="As in estimate."
)
@click.option("--network", default="ib_ndr", show_default=True, help="The link between nodes, a port a GPU.")
@click.option("--tokens", type=float, help="To train on: adds the days.")
@click.option("--images", type=float, help="The same of a vision network.")
@click.option("--price", type=float, help="Of one GPU for an hour, in your currency: adds the cost of those days.")
@click.option(
    "--strategy",
    default="none",
    metavar="NAME:KEY=VALUE,...",
    shell_complete=complete.strategies,
    help="What edits the network; 'a + b' is both.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    model: str, device: str, gpus: str, tensor: str, pipeline: str, interleave: int, micro_batch: str, zero: int,
    recompute: str, gradient_kept: float, overlap: str, batch: int, context: int | None, resolution: int | None,
    precision: str, network: str, tokens: float | None, images: float | None, price: float | None, strategy: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Plan training steps of MODEL on many GPUs: each layout's time, memory, MFU and, with --tokens, days.

    GPUs that share layers exchange over their own link, stages and replicas over --network, by formulas of both; what
    is left of the GPUs after --tensor and --pipeline are replicas.
    """
    from app.choices import names
    from app.progress import working
    from app.text import to_json
    from app.training import Question, plan, read
    from costmodel import strategies
    from costmodel.catalog import require
    from costmodel.estimators.training_step import RECOMPUTE, Layout

    given = (("--gpus", gpus), ("--tensor", tensor), ("--pipeline", pipeline), ("--micro-batch", micro_batch))
    of = {option: _counts(option, text) for option, text in given}
    gpu, link = read(device, network, price=price, tokens=tokens, images=images)
    if context and images is not None:
        raise ValueError("--images do not go with --context: a sequence has tokens, an image has not")
    if tokens is not None and not context:
        raise ValueError("--tokens need --context, the tokens of a sequence; a network of images takes --images")
    shared = Layout(
        interleave=interleave,
        zero=zero,
        overlap=tuple(names(overlap)),
        gradient_kept=gradient_kept,
        recompute=RECOMPUTE[require("--recompute", recompute, RECOMPUTE)],
    )
    question = Question(
        model, gpu, link, precision, of["--gpus"], of["--tensor"], of["--pipeline"], of["--micro-batch"], shared,
        batch, context, tokens if context else images, price, strategy, resolution,
    )  # fmt: skip
    with working("Planning layouts"):
        rows = plan(question)
    notes = strategies.unreached(strategies.strategy(strategy))
    if as_json:
        click.echo(
            to_json(
                {
                    "model": model,
                    "device": device,
                    "network": network,
                    "batch": batch,
                    "strategy": strategy,
                    "plans": rows,
                    "notes": list(notes),
                }
            )
        )
    else:
        what = f"sequences of {context}" if context else "images"
        _show(f"{model} on {device}, {batch} {what} a step", rows, notes)


def _counts(option: str, text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    wrong = [part for part in parts if not part.isdecimal() or not 1 <= int(part) <= MOST]
    if wrong:
        raise ValueError(f"{option} must be whole numbers of at least 1 and at most {MOST}, got {wrong[0]!r}")
    return tuple(int(part) for part in parts)


def _show(title: str, rows: list[dict[str, Any]], notes: Sequence[str]) -> None:
    from app.text import print_table, quantity, some

    named = ("gpus", "tensor", "pipeline", "data", "micro_batch")
    shown = []
    for row in (row for row in rows if "reason" not in row):
        ends = "-".join(quantity("", row[f"step_{end}_s"]) for end in ("low", "high"))
        told = {name: str(row[name]) for name in named}
        told["step"] = f"{quantity('step_s', row['step_s'])} ({ends})"
        told |= {f"{of}/s": quantity("", row[f"{of}_per_s"]) for of in ("tokens", "samples") if f"{of}_per_s" in row}
        told |= {"mfu": f"{row['mfu']:.1%}", "hfu": f"{row['hfu']:.1%}"}
        told["memory"] = quantity("memory_bytes", row["memory_bytes"]) + " (does not fit)" * (not row["fits"])
        told |= {name: f"{row[name]:.4g}" for name in ("days", "cost") if name in row}
        shown.append(told)
    print_table(title, shown, list(shown[0]))
    for row in rows:
        if "reason" in row:
            click.echo(f"{' x '.join(str(row[name]) for name in named[1:4])}: {row['reason']}")
    if missing := list(dict.fromkeys(name for row in rows for name in row.get("uncounted", ()))):
        click.echo(f"Not counted: {some(missing)}.")
    for note in notes:
        click.echo(note)
