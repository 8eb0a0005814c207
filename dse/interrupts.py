"""Ctrl-C while plans are sought: every search ends as if its time were up, with the best that it has.

Python raises KeyboardInterrupt wherever it happens to be, and whoever catches it deep inside cannot tell those who
would go on with another search. Here the signal is noted instead, and all that watch a deadline look whether it came.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class Heard:
    """Whether Ctrl-C came."""

    came: bool = False


_HEARD: list[Heard] = []


def late(deadline: float) -> bool:
    """Whether a `time.monotonic` is past or Ctrl-C came: a search then ends with what it has."""
    return came() or time.monotonic() > deadline


def came() -> bool:
    """Whether Ctrl-C came while plans are sought."""
    return any(each.came for each in _HEARD)


@contextmanager
def heard() -> Iterator[Heard]:
    """Within, the first Ctrl-C is noted; a second is a KeyboardInterrupt, and so is an end without a plan after one.

    Searches within searches share what the outermost hears. In a thread of its own, and where a program has its own way
    with the signal, nothing changes.
    """
    main = threading.current_thread() is threading.main_thread()
    if _HEARD and main:
        yield _HEARD[0]
        return
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield Heard()
        return
    noted = Heard()

    def note(number: int, frame: FrameType | None) -> None:
        if noted.came:
            signal.default_int_handler(number, frame)
        noted.came = True

    _HEARD.append(noted)
    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    except (TimeoutError, ValueError) as error:
        if noted.came:
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _HEARD.clear()
