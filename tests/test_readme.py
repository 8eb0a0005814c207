"""Every line of README's tour runs."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", TEXT, re.S) for line in block.strip().splitlines()]
SCRIPTS = re.findall(r"```python\n(.*?)```", TEXT, re.S)


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT)},
    )


def test_commands_run_in_order(tmp_path: Path) -> None:
    assert len(COMMANDS) >= 10
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for line in COMMANDS:
        program, *arguments = shlex.split(line, comments=True)
        assert program == "bitfront"
        done = run("-c", "from app.cli import main; main()", *arguments, cwd=tmp_path)
        assert done.returncode == 0, (line, done.stderr)
        assert done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_run(script: str, tmp_path: Path) -> None:
    done = run("-W", "error", "-c", script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_pictures_and_make_targets_exist() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    assert set(re.findall(r"\bmake ([a-z-]+)", TEXT)) <= set(targets)
    for path in re.findall(r"!\[.*?\]\((.*?)\)", TEXT):
        assert (ROOT / path).is_file()
