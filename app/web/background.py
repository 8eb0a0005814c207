"""Background callbacks: each a process of its own, which ends with the server however that ends."""

import atexit
import ctypes
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import diskcache
import psutil
from dash import DiskcacheManager

MOST_JOBS = 4
"""Background callbacks that run at once; more are refused, so that no browser takes the machine."""
PR_SET_PDEATHSIG = 1
"""linux/prctl.h: the signal that a process gets when its parent ends."""


_QUIET = threading.RLock()
"""Held around every use of a cache's file, and while a process is forked."""
os.register_at_fork(before=_QUIET.acquire, after_in_parent=_QUIET.release, after_in_child=_QUIET.release)


class Shared(diskcache.Cache):
    """A cache that no thread uses while another forks: a child would wait for ever for SQLite's locks as they were."""

    def get(self, *given: Any, **more: Any) -> Any:
        """As diskcache's."""
        with _QUIET:
            return super().get(*given, **more)

    def set(self, *given: Any, **more: Any) -> Any:
        """As diskcache's."""
        with _QUIET:
            return super().set(*given, **more)

    def add(self, *given: Any, **more: Any) -> Any:
        """As diskcache's."""
        with _QUIET:
            return super().add(*given, **more)

    def delete(self, *given: Any, **more: Any) -> Any:
        """As diskcache's."""
        with _QUIET:
            return super().delete(*given, **more)

    @contextmanager
    def transact(self, *given: Any, **more: Any) -> Iterator[None]:
        """As diskcache's."""
        with _QUIET, super().transact(*given, **more):
            yield


class Manager(DiskcacheManager):
    """Dash's manager, with at most MOST_JOBS processes, which neither see Ctrl-C nor outlive the server.

    A job may end at any moment of a poll: Dash's own manager then fails, or takes its result for cancelled.
    """

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="bitfront-app-")
        self.jobs: list[psutil.Process] = []
        self.ended: set[int] = set()
        super().__init__(Shared(self.folder))
        atexit.register(self.close)

    def call_job_fn(self, key: str, job_fn: Any, args: Any, context: Any) -> Any:
        """Start a job; ValueError where too many run."""
        self.jobs = [job for job in self.jobs if _runs(job)]
        if len(self.jobs) >= MOST_JOBS:
            raise ValueError(f"{MOST_JOBS} computations run already: wait for one to end, or cancel it")
        job = super().call_job_fn(key, _Alone(job_fn, os.getpid()), args, context)
        self.ended.discard(job)
        with suppress(psutil.NoSuchProcess):
            self.jobs.append(psutil.Process(job))
        return job

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

    def close(self) -> None:
        """End the jobs and delete their results."""
        for job in filter(_runs, self.jobs):
            self.terminate_job(job.pid)
        self.handle.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _runs(job: psutil.Process) -> bool:
    """Whether a process has not ended, be it ending as we ask."""
    try:
        return bool(job.is_running() and job.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class _Alone:
    """A job's function, run apart from the terminal and bound to the server's life."""

    def __init__(self, run: Any, server: int) -> None:
        self.run, self.server = run, server

    def __call__(self, *arguments: Any) -> None:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self.server:
            os._exit(1)
        self.run(*arguments)
