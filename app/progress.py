"""Progress on stderr for what takes over a second, silent where nobody watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import TimeRemainingColumn as Eta
from rich.text import Text


class Tell(Protocol):
    """Told (steps done, steps in all), and what is done next where that has a name."""

    def __call__(self, done: int, total: int, now: str = "", /) -> None:
        """Show it."""


@contextmanager
def working(what: str) -> Iterator[Callable[[str], None]]:
    """Show a spinner and the time while the body runs, which may tell what has come last."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as shown:
        task = shown.add_task(what, total=None)
        yield lambda last: shown.update(task, description=escape(f"{what}, {last}"))


class _Rate(ProgressColumn):
    """How many units a second, of the last half minute."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        """The rate as text, empty before there is one."""
        return Text(f"{task.speed:,.0f} {self.unit}/s" if task.speed else "")


@contextmanager
def bar(what: str, *, unit: str = "") -> Iterator[Tell]:
    """Show a bar with the time left, and the rate in `unit`; the body calls what it is given with (done, total)."""
    rate = (_Rate(unit),) if unit else ()
    counted = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn())
    columns = (*counted, *rate, TimeElapsedColumn(), Eta())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as shown:
        task = shown.add_task(what, total=None)

        def tell(done: int, total: int, now: str = "", /) -> None:
            shown.update(task, completed=done, total=total, description=escape(now or what))

        yield tell
