"""bitfront completion: the shell's completion script."""

import click

WHOLE_NAMES = "COMP_WORDBREAKS=${COMP_WORDBREAKS//:/}"
"""bash would take zoo:NAME for three words."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a completion script, which completes models and devices too.

    Load it with eval "$(bitfront completion bash)", the same with zsh, or bitfront completion fish | source.
    """
    from click.shell_completion import get_completion_class

    from app.cli import cli

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(cli, {}, "bitfront", "_BITFRONT_COMPLETE").source())
    if shell == "bash":
        click.echo(WHOLE_NAMES)
