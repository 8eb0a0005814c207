"""Progress on stderr for what takes over a second, silent where nobody watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as Eta

Tell = Callable[[int, int], None]
"""Told (steps done, steps in all)."""


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show a spinner and the time while the body runs."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as shown:
        shown.add_task(what, total=None)
        yield


@contextmanager
def bar(what: str) -> Iterator[Tell]:
    """Show a bar with the time left; the body calls what it is given with (done, total)."""
    columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), Eta())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
