"""bitfront indices: which axes of a space decide a metric, and by how much."""

import click


@click.command("indices")
@click.argument("space", type=click.Path())
@click.option("--metric", default="latency_s", show_default=True, help="A metric, or an expression of metrics.")
@click.option("--log", "logarithm", is_flag=True, help="Of the metric's logarithm: what changes it by factors.")
@click.option("--only", multiple=True, metavar="AXIS=VALUE[,VALUE]", help="Narrow an axis to some of its values.")
@click.option(
    "--samples", type=click.IntRange(1), default=1024, show_default=True, help="For spaces too large to evaluate whole."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the sample.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    space: str, metric: str, logarithm: bool, only: tuple[str, ...], samples: int, seed: int, as_json: bool
) -> None:
    """Print the Sobol indices of a metric over the axes of SPACE, a TOML file as for explore.

    `first` is the share of the variance that goes when that axis alone is fixed, `total` the share that stays when all
    others are. Up to 2^20 designs all are evaluated and indices are exact; of more, a sample, with 95 % intervals.
    """
    from pathlib import Path

    from app.choices import names
    from app.progress import bar
    from app.text import print_table, to_json
    from dse.importance import importance, narrowed
    from dse.space import Space

    loaded = Space.load(Path(space))
    for text in only:
        axis, _, values = text.partition("=")
        loaded = narrowed(loaded, axis, names(values))
    with bar("Evaluating designs") as progress:
        found = importance(loaded, metric, logarithm=logarithm, samples=samples, seed=seed, progress=progress)
    rows = found.table()
    if as_json:
        result = {"space": space, "metric": metric, "logarithm": logarithm, "evaluations": found.evaluations}
        click.echo(to_json(result | {"mean": found.mean, "variance": found.variance, "indices": rows}))
        return
    shown = [{name: value if isinstance(value, str) else f"{value:.3f}" for name, value in row.items()} for row in rows]
    of = f"log({metric})" if logarithm else metric
    exact = (found.first_low == found.first_high).all()
    columns = ["input", "first", "total"] if exact else list(rows[0])
    print_table(f"{of}: shares of its variance over {found.evaluations} evaluations", shown, columns)
