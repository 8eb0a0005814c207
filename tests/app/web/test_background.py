"""Work begins while other threads ask how far it is and end other work: no child waits for a lock that nobody opens."""

import threading
import time
from multiprocessing import get_context

import pytest

from app.web.background import Shared

JOBS, LONGEST_S = 12, 10.0


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
