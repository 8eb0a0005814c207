"""Processes of this machine that do chunks: one that dies is replaced, and its chunk done again."""

import os
import pickle
import selectors
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, TypeVar

T = TypeVar("T")

MOST_DEATHS = 3
"""Workers that one chunk may end before the sweep does."""

_SIZE = 8


@dataclass
class _Worker:
    process: "subprocess.Popen[bytes]"
    number: int = -1

    def give(self, message: Any) -> bool:
        """Send an object; False where the process is gone."""
        assert self.process.stdin
        try:
            send(self.process.stdin, message)
        except OSError:
            return False
        return True

    def end(self) -> int:
        """Stop the process and return how it ended."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            with suppress(OSError):
                pipe.close()
        self.process.kill()
        return self.process.wait()


def completed(work: Callable[[int], T], numbers: list[int], count: int) -> Iterator[tuple[int, T]]:
    """Yield (number, work(number)) as they are done by `count` processes; `work` must pickle.

    An exception of `work` is raised here. OSError where a number ends MOST_DEATHS processes. Processes end with the
    iterator, or when this process does, however it ends.
    """
    waiting = deque(numbers)
    deaths: Counter[int] = Counter()
    workers: list[_Worker] = []
    with selectors.DefaultSelector() as selector:
        try:
            for _ in range(count):
                workers.append(_started(work, selector))
                _give_next(workers[-1], waiting)
            while any(worker.number >= 0 for worker in workers):
                for key, _ in selector.select():
                    worker: _Worker = key.data
                    number = worker.number
                    answer = receive(worker.process.stdout)
                    if answer is None:
                        selector.unregister(key.fileobj)
                        workers.remove(worker)
                        _bury(worker, waiting, deaths)
                        workers.append(_started(work, selector))
                        _give_next(workers[-1], waiting)
                        continue
                    _give_next(worker, waiting)
                    yield number, _opened(answer)
        finally:
            for worker in workers:
                worker.end()


def _started(work: Callable[[int], Any], selector: selectors.BaseSelector) -> _Worker:
    """A process that waits for numbers; a session of its own keeps a terminal's Ctrl-C for the one that asked."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "dse.worker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True,
    )  # fmt: skip
    worker = _Worker(process)
    worker.give(work)
    selector.register(process.stdout, selectors.EVENT_READ, worker)  # type: ignore[arg-type]
    return worker


def _give_next(worker: _Worker, waiting: deque[int]) -> None:
    worker.number = waiting.popleft() if waiting else -1
    if worker.number >= 0:
        worker.give(worker.number)


def _bury(worker: _Worker, waiting: deque[int], deaths: Counter[int]) -> None:
    """Take back the chunk of a process that is gone."""
    code = worker.end()
    if worker.number < 0:
        return
    deaths[worker.number] += 1
    if deaths[worker.number] >= MOST_DEATHS:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise OSError(f"chunk {worker.number} ended {MOST_DEATHS} worker processes, the last by {how}; enough memory?")
    waiting.appendleft(worker.number)


def _opened(answer: tuple[bool, Any]) -> Any:
    right, value = answer
    if not right:
        raise value
    return value


def send(pipe: IO[bytes], message: Any) -> None:
    """Write an object with its length before it."""
    data = pickle.dumps(message)
    pipe.write(len(data).to_bytes(_SIZE, "little") + data)
    pipe.flush()


def receive(pipe: IO[bytes] | None) -> Any:
    """Read an object, None where the other side is gone before all of it is here."""
    assert pipe
    size = pipe.read(_SIZE)
    if len(size) < _SIZE:
        return None
    data = pipe.read(int.from_bytes(size, "little"))
    return pickle.loads(data) if len(data) == int.from_bytes(size, "little") else None
