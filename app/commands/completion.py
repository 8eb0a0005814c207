"""bitfront completion: the shell's completion script."""

import click

WHOLE_NAMES = "COMP_WORDBREAKS=${COMP_WORDBREAKS//:/}"
"""bash would take zoo:NAME for three words."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the shell, and the script.")
def command(shell: str, as_json: bool) -> None:
    """Print a completion script, which completes models and devices too.

    Load it with eval "$(bitfront completion bash)", the same with zsh, or bitfront completion fish | source.
    """
    from click.shell_completion import get_completion_class

    from app.cli import cli
    from app.text import to_json

    found = get_completion_class(shell)
    assert found is not None
    script = found(cli, {}, "bitfront", "_BITFRONT_COMPLETE").source()
    script = f"{script}\n{WHOLE_NAMES}" if shell == "bash" else script
    click.echo(to_json({"shell": shell, "script": script}) if as_json else script)
