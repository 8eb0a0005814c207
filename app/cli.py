"""The command line: one command a file in app/commands, loaded when it is asked for."""

import contextlib
import difflib
import importlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import click

EXIT_BAD_INPUT = 2
EXIT_INFEASIBLE = 3
EXIT_INTERRUPTED = 130
LONGEST = 300
"""Characters of a word that an error message repeats."""
ARGUMENTS = "bitfront.arguments"
"""Where click's context keeps the arguments of the command line."""


class _ClosedOutputError(Exception):
    """Whoever read our output closed it: no error, but click and rich would exit with status 1."""


@contextlib.contextmanager
def _closing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise _ClosedOutputError from None
    except SystemExit as left:
        if isinstance(left.__context__, BrokenPipeError):
            raise _ClosedOutputError from None
        raise


class _Commands(click.Group):
    """The modules of app/commands, each with a click command named `command`."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **kwargs: Any) -> click.Context:
        """As click does, but a closed output is no error, and the arguments are kept as they were given."""
        given = list(args)
        with _closing():
            made = super().make_context(info_name, args, *rest, **kwargs)
        made.meta[ARGUMENTS] = given
        return made

    def invoke(self, ctx: click.Context) -> Any:
        """As click does, but a closed output is no error."""
        with _closing():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click passes it
        return sorted(p.stem for p in Path(__file__).with_name("commands").glob("[a-z]*.py"))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"app.commands.{name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            known = self.list_commands(ctx)
            near = difflib.get_close_matches(args[0], known, n=3, cutoff=0.5)
            hint = f"did you mean {', '.join(near)}?" if near else f"commands: {', '.join(known)}"
            raise click.UsageError(f"unknown command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)


def _told_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        names = {"name": "bitfront", "version": version("bitfront")}
        click.echo(json.dumps(names) if ctx.params.get("as_json") else "{name}, version {version}".format(**names))
        ctx.exit()


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, is_eager=True, help="With --version: print it as JSON.")
@click.option("--version", is_flag=True, expose_value=False, callback=_told_version, help="Show the version and exit.")
def cli(as_json: bool) -> None:
    """Which number format should each layer get on this FPGA or GPU, and how sure is that?"""
    if as_json:
        raise click.UsageError("--json goes behind the command, or with --version")


WAITING = ("OMP_WAIT_POLICY", "PASSIVE")
"""Threads that spin while they wait slow everything down, themselves too, on a machine whose cores are busy."""


def main() -> None:
    """Run the command line; bad input is one line on stderr and exit 2, an infeasible budget exit 3, Ctrl-C exit 130.

    A KeyboardInterrupt with words says so what is kept of the work.

    Output that its reader closes is no error: the rest is dropped, and the exit status is 0.
    """
    os.environ.setdefault(*WAITING)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 closed by whoever started us
    try:
        _run()
    except (_ClosedOutputError, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered is flushed at exit
        sys.exit(0)


def _run() -> None:
    try:
        left = cli.main(prog_name="bitfront", standalone_mode=False)
        sys.stdout.flush()
        if isinstance(left, int) and left:  # what click's Exit asks for: commands return nothing
            sys.exit(left)
    except BrokenPipeError:
        raise
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message(), err=True)
        sys.exit(EXIT_BAD_INPUT)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code if error.exit_code != 1 else EXIT_BAD_INPUT)
    except (click.Abort, KeyboardInterrupt) as stopped:
        first = stopped.__cause__ if isinstance(stopped, click.Abort) else stopped
        kept = str(first) if isinstance(first, KeyboardInterrupt) else ""
        _fail("; ".join(filter(None, ("interrupted", kept))), EXIT_INTERRUPTED)
    except (ValueError, OSError, ImportError) as error:
        _fail(_told(error), EXIT_INFEASIBLE if _is_infeasible(error) else EXIT_BAD_INPUT)


def _told(error: Exception) -> str:
    """What went wrong in a line; the system's own errors as "cannot use 'path': reason"."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"cannot use {str(error.filename)!r}: {error.strerror}"
    return (error.strerror if isinstance(error, OSError) else str(error)) or str(error) or type(error).__name__


def _is_infeasible(error: Exception) -> bool:
    """Whether it is dse's InfeasibleError, without loading dse to ask."""
    return "dse.plan" in sys.modules and isinstance(error, sys.modules["dse.plan"].InfeasibleError)


def _fail(message: str, code: int) -> NoReturn:
    with contextlib.suppress(BrokenPipeError):
        words = (word if len(word) <= LONGEST else f"{word[:LONGEST]}..." for word in message.split())
        click.echo(f"bitfront: {' '.join(words)}", err=True)
    sys.exit(code)
