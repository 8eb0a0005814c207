"""What the clock of a GPU times, on a simulated device: a queue that the host fills, with events where it stands."""

import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from profilers.gpu.backend import CudaClock

REPLAY_S, ZERO_S, LAUNCH_S = 1e-5, 3e-5, 4e-6


class Device:
    """The host's time, and the time until which the device is busy with what the host gave it."""

    def __init__(self):
        self.host_s = self.busy_s = 0.0
        self.zeroed = 0

    def launch(self, seconds, host_s=LAUNCH_S):
        self.host_s += host_s
        self.busy_s = max(self.busy_s, self.host_s) + seconds

    def zero(self):
        self.zeroed += 1
        self.launch(ZERO_S)

    def synchronize(self):
        self.host_s = max(self.host_s, self.busy_s)


@pytest.fixture
def device(monkeypatch):
    made = Device()

    class Event:
        def __init__(self, enable_timing):
            assert enable_timing

        def record(self):
            made.host_s += 1e-6
            self.at_s = max(made.busy_s, made.host_s)

        def elapsed_time(self, other):
            return (other.at_s - self.at_s) * 1e3

    class Context:
        def __init__(self, *_):
            self.synchronize, self.wait_stream = made.synchronize, lambda _other: None

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return False

        def replay(self):
            made.launch(REPLAY_S)

    cuda = SimpleNamespace(
        Event=Event, Stream=Context, current_stream=Context, stream=Context, graph=Context, CUDAGraph=Context,
        synchronize=made.synchronize,
    )  # fmt: skip
    empty = lambda *_, **__: SimpleNamespace(zero_=made.zero)  # noqa: E731
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda, empty=empty, uint8=None))
    monkeypatch.setattr(time, "perf_counter", lambda: made.host_s)
    return made


@pytest.mark.parametrize("host_s", [2e-6, 2e-5, 2e-4])
@pytest.mark.parametrize("kernel_s", [2e-6, 5e-5])
def test_a_flushed_kernel_is_timed_alone_however_slowly_the_host_launches_it(device, kernel_s, host_s):
    clock = CudaClock(50e6, flush=True)
    work = [lambda: device.launch(kernel_s, host_s)]
    clock.prepare(work)
    before = device.zeroed
    times = clock.times_s(work, 5)
    np.testing.assert_allclose(times, kernel_s, rtol=1e-6)
    assert not clock.captured
    assert device.zeroed - before >= 5


def test_warm_work_is_replayed_as_a_graph(device):
    clock = CudaClock(50e6)
    clock.prepare([lambda: device.launch(1e-6)])
    assert clock.captured
    assert device.zeroed == 0
