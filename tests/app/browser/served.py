"""The dashboard as a user starts it, and a real browser; absent, browser tests are not run, and fail where CI=true."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
STARTED = re.compile(r"listens on (http://\S+)")


@dataclass
class Served:
    """A running `bitfront app`: its address, its process, how long it took to listen, where it writes its errors."""

    address: str
    process: subprocess.Popen[str]
    started_s: float
    log: Path


@contextmanager
def served(*options: str, home: Path) -> Iterator[Served]:
    """Start `bitfront app` on a free port, its cache in `home`; interrupt it at the end.

    Python may keep what it compiled, as a user's does: installed packages are compiled already, ours need not be.
    """
    code = "from app.cli import main; main()"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(home)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", code, "app", "--port", "0", *options]
    begun = time.perf_counter()
    home.mkdir(parents=True, exist_ok=True)
    log = home / "app.log"
    with log.open("w") as errors:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = STARTED.search(line)
        assert found, (line, process.poll(), log.read_text())
        yield Served(found[1], process, time.perf_counter() - begun, log)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def browser_path() -> str:
    """A browser on this machine; without one the test is not run, and fails in CI."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), "")
    if not path and os.environ.get("CI") == "true":
        pytest.fail("no Chromium on this machine: apt-get install chromium")
    if not path:
        pytest.skip("not run: no Chromium on this machine (apt-get install chromium)")
    return path


def hold(page: Any, output: str) -> Callable[[], None]:
    """Keep back a page's requests for an output, as a busy machine does; returns what lets them go."""
    held: list[Any] = []
    let_go = False

    def judge(route: Any) -> None:
        if let_go or output not in (route.request.post_data_json or {}).get("output", ""):
            route.continue_()
        else:
            held.append(route)

    def release() -> None:
        nonlocal let_go
        let_go = True
        while held:
            held.pop(0).continue_()

    page.route("**/_dash-update-component*", judge)
    return release
