"""bitfront completion: the shell's completion script."""

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a completion script; load it with: eval "$(bitfront completion bash)"."""
    from click.shell_completion import get_completion_class

    from app.cli import cli

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(cli, {}, "bitfront", "_BITFRONT_COMPLETE").source())
