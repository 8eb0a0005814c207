"""Jobs begin and end at any moment of other threads' questions: none waits for ever, fails or loses its result."""

import subprocess
import threading
import time
from multiprocessing import get_context

import psutil
import pytest

from app.web.background import Manager
from app.web.shared import Shared

JOBS, LONGEST_S = 6, 10.0


@pytest.fixture
def polled(tmp_path):
    cache, stop = Shared(tmp_path), threading.Event()

    def poll() -> None:
        while not stop.is_set():
            cache.get("a")
            cache.delete("b")

    def end_jobs() -> None:
        while not stop.is_set():
            with cache.transact():
                time.sleep(0.01)

    threads = [threading.Thread(target=work) for work in (poll, poll, poll, end_jobs)]
    for thread in threads:
        thread.start()
    yield cache
    stop.set()
    for thread in threads:
        thread.join()
    cache.close()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_job_forked_amid_polls_ends(polled):
    for i in range(JOBS):
        job = get_context("fork").Process(target=polled.set, args=(f"job {i}", i))
        job.start()
        job.join(LONGEST_S)
        assert not job.is_alive() or job.kill()
        assert polled.get(f"job {i}") == i


@pytest.fixture
def manager():
    made = Manager()
    yield made
    made.close()


@pytest.fixture
def ended():
    job = subprocess.Popen(["true"])
    job.wait()
    return job.pid


def test_a_job_that_ends_while_it_is_looked_for_is_neither_ended_nor_an_error(manager, ended, monkeypatch):
    monkeypatch.setattr(psutil, "pid_exists", lambda _: True)
    with pytest.raises(psutil.NoSuchProcess):
        super(Manager, manager).terminate_job(ended)
    manager.terminate_job(ended)
    assert [manager.job_running(ended) for _ in range(3)] == [True, False, False]


def test_a_result_written_after_it_was_looked_for_is_found_before_the_end_is_told(manager, ended):
    assert manager.get_result("key", ended) is manager.UNDEFINED
    manager.handle.set("key", "result")
    assert manager.job_running(ended)
    assert manager.get_result("key", ended) == "result"
    assert not manager.job_running(ended)
