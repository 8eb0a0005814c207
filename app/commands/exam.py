"""bitfront exam: do plans keep what uniform widths lose, truly?"""

from typing import Any

import click

from app import written


@click.command("exam")
@click.option("--out", default="exam_out", show_default=True, type=written.NewFolder(), help="Results folder.")
@click.option("--only", type=click.Choice(["digits", "minilm"]), help="One of the two networks.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1), help="Processes side by side.")
@click.option("--quick", is_flag=True, help="Too small to conclude anything: for trying it out.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(out: str, only: str | None, workers: int, quick: bool, as_json: bool) -> None:
    """Score plans, uniform widths, HAWQ's Hessian and random plans of equal bytes by the networks' true quality.

    On networks trained on scikit-learn's digits, and on MiniLM with its trained weights (extra [exam]), with PTQ repair
    and without. Every part's result is kept in --out: the same command goes on where it stopped.
    """
    from pathlib import Path

    from app.exam.run import run
    from app.exam.setup import FULL, QUICK
    from app.progress import bar
    from app.text import to_json

    subjects = (only,) if only else ("digits", "minilm")
    with bar("Exam") as progress:
        summary = run(QUICK if quick else FULL, Path(out), subjects=subjects, workers=workers, progress=progress)
    if as_json:
        click.echo(to_json(summary))
    else:
        _show(summary)
        click.echo(f"\nAll rows: {Path(out) / 'exam.json'}")


def _show(summary: dict[str, Any]) -> None:
    from app.text import print_table

    titles = dict.fromkeys((r["subject"], r["weights"], r["activation"], r["repair"]) for r in summary["rows"])
    for subject, weights, activation, repair in titles:
        rows = [
            {
                "metric": r["metric"],
                "arm": r["arm"],
                "loss of quality": f"{r['loss']:.4f}",
                "95 % interval": f"{r['low']:.4f} .. {r['high']:.4f}",
                "uniform minus arm": f"{r['difference_low']:+.4f} .. {r['difference_high']:+.4f}",
                "against uniform": "" if r["arm"] == "uniform" else r["verdict"],
                "bytes": r["bytes"],
            }
            for r in summary["rows"]
            if (r["subject"], r["weights"], r["activation"], r["repair"]) == (subject, weights, activation, repair)
        ]
        state = "repaired" if repair else "rounded to nearest"
        print_table(f"{subject}, W{weights}A{activation}, {state}", rows, list(rows[0]))
        click.echo()
    for goal in summary["goal"]:
        click.echo(_goal_line(goal))
    for row in summary["misleading"]:
        click.echo(
            f"Misleading: {row['arm']} at W{row['weights']}A{row['activation']} ({row['subject']}) gains in "
            f"{row['proxy']} and loses in {row['metric']}"
        )


def _goal_line(goal: dict[str, Any]) -> str:
    lost = f"{goal['arm']} loses {goal['loss']:.4f}, uniform 3 bits {goal['uniform']:.4f}"
    line = (
        f"Goal, {goal['subject']} {goal['metric']} ({'repaired' if goal['repair'] else 'rounded to nearest'}): {lost}"
    )
    if goal["ratio"] is None:
        return f"{line}; the latter is within chance of none, so there is nothing to halve"
    interval = f"{goal['ratio_low']:.2f} .. {goal['ratio_high']:.2f}"
    return (
        f"{line}: {goal['ratio']:.2f} times ({interval}), at most {goal['goal']}: {'met' if goal['met'] else 'missed'}"
    )
