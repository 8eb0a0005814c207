import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dse import pool

ROOT = Path(__file__).parents[2]


def square(number):
    print("what work prints is no answer")
    return number * number


def refuse(number):
    raise ValueError(f"no {number}")


class DiesOnce:
    """Work whose process kills itself the first time that a number is done."""

    def __init__(self, folder, number):
        self.folder, self.number = folder, number

    def __call__(self, number):
        if number == self.number:
            try:
                (self.folder / "died").touch(exist_ok=False)
            except FileExistsError:
                return number
            os.kill(os.getpid(), signal.SIGKILL)
        return number


def always_dies(number):
    os.kill(os.getpid(), signal.SIGKILL)


class Sleeps:
    """Work that says which process does it and takes its time."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, _):
        (self.folder / str(os.getpid())).touch()
        time.sleep(0.2)
        return os.getpid()


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


@pytest.mark.parametrize("count", [1, 2, pytest.param(5, marks=pytest.mark.long)])
def test_every_number_once(count):
    found = list(pool.completed(square, list(range(7)), count))
    assert sorted(found) == [(n, n * n) for n in range(7)]


def test_an_exception_of_the_work_is_raised_here():
    with pytest.raises(ValueError, match="no 3"):
        list(pool.completed(refuse, [3], 2))


def test_a_killed_worker_is_replaced_and_its_number_done(tmp_path):
    found = sorted(pool.completed(DiesOnce(tmp_path, 2), list(range(5)), 2))
    assert found == [(n, n) for n in range(5)]
    assert (tmp_path / "died").exists()


def test_a_number_that_kills_every_worker_ends_the_sweep():
    with pytest.raises(OSError, match=r"chunk 0 ended 3 worker processes, the last by signal 9"):
        list(pool.completed(always_dies, [0], 1))


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_workers_end_with_the_iterator(tmp_path):
    found = pool.completed(Sleeps(tmp_path), list(range(50)), 2)
    next(found)
    found.close()
    assert not any(alive(int(path.name)) for path in tmp_path.iterdir())


def test_workers_end_when_their_driver_is_killed(tmp_path):
    code = f"""
import sys; sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(ROOT)!r}]
from pathlib import Path
from dse import pool
import test_pool
for done in pool.completed(test_pool.Sleeps(Path({str(tmp_path)!r})), list(range(1000)), 2):
    print(done, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as driver:
        assert driver.stdout
        driver.stdout.readline()
        driver.kill()
    workers = [int(path.name) for path in tmp_path.iterdir()]
    assert workers
    deadline = time.monotonic() + 20
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, workers))
