"""Background callbacks: each a process of its own, which ends with the server however that ends."""

import atexit
import os
import secrets
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import psutil
from dash import DiskcacheManager
from werkzeug.exceptions import Gone, ServiceUnavailable, TooManyRequests

from app.web.scratch import Scratch
from app.web.session import COOKIE
from app.web.shared import Shared
from costmodel.processes import end_with

Function = TypeVar("Function", bound=Callable[..., Any])


class Most(NamedTuple):
    """Callbacks of a kind that run at once: of all browsers, so that they do not take the machine, and of one of them,
    so that it does not keep the others waiting."""

    all: int
    one: int


LONG, QUICK = Most(6, 3), Most(8, 4)
AGAIN_S = 1
"""After how long a page asks again for what is quick."""


def quick(function: Function) -> Function:
    """Mark a background callback that takes a second or two: it runs beside however many long ones, and where as many
    quick ones run, the page asks again by itself."""
    function.__dict__["quick"] = True
    return function


class Job(NamedTuple):
    """A process, the browser that asked for it, and how many like it may run."""

    process: psutil.Process
    browser: str
    most: Most


class Manager(DiskcacheManager):
    """Dash's manager, with LONG and QUICK processes at most, which neither see Ctrl-C nor outlive the server.

    Each job has its own place for progress and result: what two browsers ask alike, each of them gets. A job may end at
    any moment of a poll: Dash's own manager then fails, or takes its result for cancelled.
    """

    def __init__(self) -> None:
        self.scratch = Scratch()
        self.jobs: list[Job] = []
        self.starting = threading.Lock()
        self.ended: set[int] = set()
        super().__init__(Shared(str(self.scratch.folder)))
        atexit.register(self.close)

    def build_cache_key(self, *_asked: Any) -> str:
        """A key that no other job has, where Dash's own is the question's."""
        return secrets.token_hex(32)

    def make_job_fn(self, fn: Any, progress: Any, key: Any = None) -> Any:
        """A callback's function as a process runs it."""
        return _Alone(super().make_job_fn(fn, progress, key), os.getpid(), QUICK if hasattr(fn, "quick") else LONG)

    def call_job_fn(self, key: str, job_fn: Any, args: Any, context: Mapping[str, Any]) -> Any:
        """Start a job; TooManyRequests or ServiceUnavailable, in one line, where too many run."""
        browser = str((context.get("cookies") or {}).get(COOKIE, ""))
        with self.starting:
            self.jobs = [job for job in self.jobs if _runs(job.process)]
            _admit(browser, [job.browser for job in self.jobs if job.most is job_fn.most], job_fn.most)
            started = super().call_job_fn(key, job_fn, args, context)
            self.ended.discard(started)
            with suppress(psutil.NoSuchProcess):
                self.jobs.append(Job(psutil.Process(started), browser, job_fn.most))
        return started

    def terminate_job(self, job: Any) -> None:
        """End a job that may have ended by itself."""
        with suppress(psutil.NoSuchProcess):
            super().terminate_job(job)

    def job_running(self, job: Any) -> bool:
        """Whether a job runs; told of its end at the second question, as Dash asks after it has looked for a result."""
        job = int(job)
        with suppress(psutil.NoSuchProcess):
            if _runs(psutil.Process(job)):
                return True
        told = job in self.ended
        self.ended.add(job)
        return not told

    def get_updated_props(self, key: Any) -> Any:
        """What a job sets beside its outputs; Gone, in one line, for a handle of another server than this."""
        if key is None:  # it was not signed here, or not for this page: nothing would ever come of asking again
            raise Gone("this was computed by a server that has ended since: ask again")
        return super().get_updated_props(key)

    def close(self) -> None:
        """End the jobs and delete their results."""
        for job in self.jobs:
            if _runs(job.process):
                self.terminate_job(job.process.pid)
        self.jobs = []
        self.handle.close()
        self.scratch.close()


def _admit(browser: str, running: list[str], most: Most) -> None:
    again_s = AGAIN_S if most is QUICK else None
    if running.count(browser) >= most.one:
        raise TooManyRequests(
            f"{most.one} computations of this browser run already: wait for one to end, or cancel it, and ask again",
            retry_after=again_s,
        )
    if len(running) >= most.all:
        raise ServiceUnavailable(
            f"{most.all} computations of all browsers run already: ask again when one has ended", retry_after=again_s
        )


def _runs(job: psutil.Process) -> bool:
    """Whether a process has not ended, be it ending as we ask."""
    try:
        return bool(job.is_running() and job.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class _Alone:
    """A job's function, run apart from the terminal and bound to the server's life."""

    def __init__(self, run: Any, server: int, most: Most) -> None:
        self.run, self.server, self.most = run, server, most

    def __call__(self, *arguments: Any) -> None:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        end_with(self.server)
        self.run(*arguments)
