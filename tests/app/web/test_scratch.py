"""Temporary folders end with their server, or with the next one's start."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from app.web import scratch

ROOT = Path(__file__).parents[3]
KILLED = "import os; from app.web.scratch import Scratch; print(Scratch().folder, flush=True); os.kill(os.getpid(), 9)"


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return lambda: set(tmp_path.iterdir())


def test_what_a_killed_server_left_is_deleted_and_what_is_held_is_not(folders, tmp_path):
    unlike = [tmp_path / name for name in ("bitfront-app-new", "bitfront-other")]
    for folder in unlike:
        folder.mkdir()
    mine = scratch.Scratch()
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED], env=environment, capture_output=True, text=True, check=False
    )
    assert folders() == {mine.folder, Path(killed.stdout.strip()), *unlike}
    scratch.forget_left()
    assert folders() == {mine.folder, *unlike}
    mine.close()
    assert folders() == set(unlike)
