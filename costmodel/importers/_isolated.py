"""Run a script of this package on bytes, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path


def run(script: Path, data: bytes, *, timeout_s: float, memory_bytes: int) -> bytes:
    """Return what the script, told its memory limit and this process's id, writes for `data`.

    ValueError where it fails, dies or is slow.
    """
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    try:
        command = [sys.executable, "-P", str(script), str(memory_bytes), str(os.getpid())]
        done = subprocess.run(command, input=data, capture_output=True, timeout=timeout_s, env=environment, check=False)
    except subprocess.TimeoutExpired:
        raise ValueError(f"its shapes are not inferred within {timeout_s:.0f} s") from None
    if done.returncode < 0:
        raise ValueError(f"shape inference died of signal {-done.returncode}")
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["shape inference failed"]
        raise ValueError(lines[-1])
    return done.stdout
