"""The command line as a user runs it; how long an example of a law takes on a busy machine is no failure."""

import contextlib
import io
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import settings

from app.cli import main

ROOT = Path(__file__).parents[1]

Run = Callable[..., subprocess.CompletedProcess[str]]

settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")

CPU = """kind = "cpu"
memory_bytes = 2e10
memory_bytes_per_s = 2e10
cores = 2

[peak_flops]
vector = 5e10
fp32 = 5e10
bf16 = 3e11
"""


@pytest.fixture
def cpu_file(tmp_path: Path) -> Path:
    """A processor of two cores, mine.toml in the test's folder."""
    path = tmp_path / "mine.toml"
    path.write_text(CPU)
    return path


@pytest.fixture(scope="session")
def process() -> Run:
    """Run the command line in a process of its own."""

    def run(*args: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from app.cli import main; main()", *args]
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | (env or {})
        return subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    return run


@pytest.fixture(scope="session")
def bitfront() -> Run:
    """As `process`, but in this one, which has loaded what a command needs; modules of the folder are forgotten."""

    def run(*args: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        out, err, code = io.StringIO(), io.StringIO(), 0
        before, path = set(sys.modules), list(sys.path)
        with (
            mock.patch.dict(os.environ, env or {}),
            mock.patch.object(sys, "argv", ["bitfront", *args]),
            contextlib.chdir(cwd),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("default")
            try:
                main()
            except SystemExit as done:
                code = int(done.code or 0)
        sys.path[:] = path
        for name in set(sys.modules) - before if cwd != ROOT else ():
            if Path(getattr(sys.modules[name], "__file__", None) or sys.prefix).is_relative_to(cwd):
                del sys.modules[name]
        return subprocess.CompletedProcess(args, code, out.getvalue(), err.getvalue())

    return run
