"""Run the command line as a user does, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main

ROOT = Path(__file__).parents[2]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def bitfront() -> Run:
    def run(*args: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from app.cli import main; main()", *args]
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | (env or {})
        return subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False
        )

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
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """As `bitfront`, but in this process: quick, where no state of a process matters."""

    def run(*args: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["bitfront", *args])
        code = 0
        try:
            main()
        except SystemExit as done:
            code = int(done.code or 0)
        shown = capsys.readouterr()
        return subprocess.CompletedProcess(args, code, shown.out, shown.err)

    return run


@pytest.fixture
def refused_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """As `refused`, but in this process: quick, for what differs in the file alone."""

    def run(*args: str) -> str:
        monkeypatch.setattr(sys, "argv", ["bitfront", *args])
        with pytest.raises(SystemExit) as done:
            main()
        shown = capsys.readouterr()
        assert (done.value.code, shown.out) == (2, "")
        (line,) = shown.err.splitlines()
        assert line.startswith("bitfront: ")
        return line

    return run


@pytest.fixture
def run_at_home(bitfront, tmp_path):
    def call(*args):
        done = bitfront(*args, "--json", cwd=tmp_path, env={"BITFRONT_HOME": str(tmp_path / "home")})
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout)

    return call
