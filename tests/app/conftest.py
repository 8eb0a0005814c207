"""What a command refuses, and commands whose files are a test's own."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

Run = Callable[..., subprocess.CompletedProcess[str]]


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
