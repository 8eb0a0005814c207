"""The same sweep on a Dask cluster of processes of this machine."""

import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import spaces

from dse import cluster, store, sweep

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def two_workers() -> Iterator[Any]:
    from distributed import LocalCluster

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50)
    yield found
    found.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


class Slow:
    """Work that takes its time and leaves a trace of every attempt."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, number: int) -> int:
        (self.folder / f"{number}-{time.time_ns()}").touch()
        time.sleep(0.1)
        return number * number


def refuse(number: int) -> int:
    raise ValueError(f"no {number}")


def test_the_same_bytes_as_in_this_process(two_workers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "TARGET", 200.0)
    sweep.sweep(spaces.small(), tmp_path / "here")
    sweep.sweep(spaces.small(), tmp_path / "cluster", cluster=two_workers.scheduler_address)
    assert contents(tmp_path / "cluster") == contents(tmp_path / "here")
    assert store.read(tmp_path / "cluster").complete


def test_a_killed_worker_loses_nothing(two_workers: Any, tmp_path: Path) -> None:
    pids = [worker.pid for worker in two_workers.workers.values()]

    def kill() -> None:
        time.sleep(0.5)
        os.kill(pids[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    found = list(cluster.completed(two_workers.scheduler_address, Slow(tmp_path), list(range(30)), "killed"))
    killer.join()
    assert sorted(found) == [(n, n * n) for n in range(30)]
    assert len(list(tmp_path.iterdir())) >= 30


def test_an_exception_of_the_work_is_raised_here(two_workers: Any) -> None:
    with pytest.raises(ValueError, match="no 3"):
        list(cluster.completed(two_workers.scheduler_address, refuse, [3], "refused"))


def test_no_scheduler_is_one_line_and_leaves_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 0.2)
    made: list[str] = []
    client = distributed.Client
    monkeypatch.setattr(
        distributed, "Client", lambda address, **given: made.append(address) or client(address, **given)
    )
    for address in ("tcp://127.0.0.1:9", "nonsense://x", "http://foo", "foo", "127.0.0.1", "tcp://"):
        with pytest.raises(ValueError, match="no Dask scheduler") as error:
            sweep.sweep(spaces.small(), tmp_path / "run", cluster=address)
        assert "\n" not in str(error.value)
    assert made == ["tcp://127.0.0.1:9"]  # of one without a place to connect to none is made that waits to be dropped
    assert not (tmp_path / "run").exists()
