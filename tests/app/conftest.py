"""Run the command line as a user does."""

import contextlib
import io
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from app.cli import main

ROOT = Path(__file__).parents[2]

Run = Callable[..., subprocess.CompletedProcess[str]]


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


@pytest.fixture(scope="session")
def refused(bitfront: Run) -> Callable[..., str]:
    """Run a command that must fail as bad input; return its one line on stderr."""

    def run(*args: str, code: int = 2, cwd: Path = ROOT) -> str:
        done = bitfront(*args, cwd=cwd)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert done.stdout == ""
        lines = done.stderr.splitlines()
        assert len(lines) == 1, done.stderr
        assert lines[0].startswith("bitfront: ")
        return lines[0]

    return run


@pytest.fixture
def here(bitfront: Run) -> Run:
    return bitfront


@pytest.fixture
def refused_here(refused: Callable[..., str]) -> Callable[..., str]:
    return refused


@pytest.fixture
def run_at_home(bitfront, tmp_path):
    def call(*args):
        done = bitfront(*args, "--json", cwd=tmp_path, env={"BITFRONT_HOME": str(tmp_path / "home")})
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout)

    return call
