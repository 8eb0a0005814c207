"""Output that its reader closes is no error: status 0 and nothing said, whoever prints and whenever it is flushed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CALLS = {
    "a table": ("formats",),
    "json": ("formats", "--json"),
    "more than a pipe holds": ("estimate", "zoo:llama-3.1-8b", "--on", "l4", "--json"),
    "help": ("--help",),
    "help of a command": ("models", "--help"),
    "a script": ("completion", "bash"),
}


def run(*args: str, out: int | None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from app.cli import main; main()", *args]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, stdout=out, stderr=subprocess.PIPE, env=environment, timeout=60, check=False)


@pytest.mark.parametrize("what", CALLS)
def test_a_reader_that_leaves_at_once(what: str) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = run(*CALLS[what], out=write)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_bad_input_stays_bad_input_where_nobody_reads() -> None:
    read, write = os.pipe()
    os.close(read)
    done = run("estimate", "zoo:resnet5", "--on", "l4", out=write)
    os.close(write)
    assert done.returncode == 2
    assert b"resnet50" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told() -> None:
    with Path("/dev/full").open("wb") as full:
        done = run("formats", out=full.fileno())
    assert (done.returncode, done.stderr) == (2, b"bitfront: No space left on device\n")
