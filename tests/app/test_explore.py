"""explore, front RUN, runs and diff as a user runs them."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

SPACE = """
objectives = ["latency_s / batch", "loss"]
constraints = ["footprint_bytes <= memory_bytes"]
groups = ["device"]
latency = "roofline"
[axes]
model = "zoo:resnet18"
batch = [1, 8]
device = ["a100_sxm", "h100_sxm"]
precision = ["w4a8", "w8a8", "bf16"]
"""


@pytest.fixture(scope="module")
def run(bitfront: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explore")
    (folder / "space.toml").write_text(SPACE)
    done = bitfront("explore", str(folder / "space.toml"), "--out", str(folder / "run"), "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert "12 of 12 designs" in done.stdout
    return folder / "run"


def test_front_of_a_run_has_stable_ids(bitfront: Callable[..., Any], run: Path) -> None:
    first, second = (json.loads(bitfront("front", str(run), "--json").stdout) for _ in range(2))
    assert first == second
    assert first["complete"]
    assert first["groups"] == ["device"]
    assert {len(row["id"]) for row in first["front"]} == {16}
    assert {row["device"] for row in first["front"]} == {"a100_sxm", "h100_sxm"}
    from dse.space import Space

    space = Space.load(run.parent / "space.toml")
    assert [row["id"] for row in first["front"]] == [space.id(row["design"]) for row in first["front"]]


def test_explore_again_prints_the_same(bitfront: Callable[..., Any], run: Path) -> None:
    again = bitfront("explore", str(run.parent / "space.toml"), "--out", str(run), "--json")
    assert json.loads(again.stdout) == json.loads(bitfront("front", str(run), "--json").stdout)


def test_a_strategy_that_changes_nothing_of_a_model_is_told(here: Callable[..., Any], tmp_path: Path) -> None:
    strategies = 'strategy = ["none", "nm_sparsity:n=2,m=4", ["nm_sparsity:n=2,m=11", "nm_sparsity:n=2,m=4"]]'
    (tmp_path / "space.toml").write_text(f"{SPACE}{strategies}")
    args = ("explore", str(tmp_path / "space.toml"), "--out", str(tmp_path / "run"), "--workers", "1")
    told = "nm_sparsity:n=2,m=11 changes nothing of zoo:resnet18 batch=1: designs with it are those without.\n"
    assert here(*args).stdout.endswith(told)
    assert json.loads(here(*args, "--json").stdout)["idle"] == [
        {"model": "zoo:resnet18 batch=1", "strategy": "nm_sparsity:n=2,m=11"}
    ]


def test_runs_and_diff(bitfront: Callable[..., Any], run: Path) -> None:
    listed = json.loads(bitfront("runs", str(run.parent), "--json").stdout)
    assert [(row["run"], row["complete"]) for row in listed] == [(str(run), True)]
    assert str(run) in bitfront("runs", str(run.parent)).stdout
    asked = bitfront("runs", str(run), "--sql", "select max(batch) as most from front", "--json")
    assert json.loads(asked.stdout) == [{"most": 8}]
    other = run.parent / "space2.toml"
    other.write_text(SPACE.replace("[1, 8]", "[1, 16]"))
    bitfront("explore", str(other), "--out", str(run.parent / "run2"), "--workers", "2")
    compared = json.loads(bitfront("diff", str(run), str(run.parent / "run2"), "--json").stdout)
    assert compared["spaces"] == {"axes.batch": [[1, 8], [1, 16]]}
    assert compared["changed"] == {}
    text = bitfront("diff", str(run), str(run.parent / "run2")).stdout
    assert "axes.batch" in text
    assert "no worse than" in text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SPACE.replace("batch =", "batches ="), "did you mean batch"),
        (SPACE.replace("[1, 8]", "[]"), "'batch' is empty"),
        (SPACE.replace("[1, 8]", '["many"]'), "'many'"),
        (SPACE.replace('"loss"]', '"lost"]'), "did you mean loss"),
        (SPACE.replace("<= memory_bytes", "<= 3J"), "footprint_bytes is in B"),
        (SPACE.replace('"h100_sxm"', '"h100"'), "unknown device 'h100'"),
        (SPACE.replace("zoo:resnet18", "zoo:resnet81"), "resnet18"),
        (SPACE.replace(" / batch", "").replace("batch = [1, 8]", "context = 4"), "takes no context"),
        ("axes = 3", "table"),
        ("= 3", "not valid TOML"),
    ],
)
def test_bad_spaces_are_one_line(refused_here: Callable[..., str], tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "space.toml").write_text(text)
    assert says in refused_here("explore", str(tmp_path / "space.toml"), "--out", str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--workers", "0"), "workers must be at least 1, got 0"),
        (("--workers", "two"), "two"),
        (("--cluster", "tcp://127.0.0.1:9", "--workers", "2"), "own"),
    ],
)
def test_bad_arguments_are_one_line(
    refused_here: Callable[..., str], run: Path, args: tuple[str, ...], says: str
) -> None:
    assert says in refused_here("explore", str(run.parent / "space.toml"), "--out", str(run), *args)


def test_other_folders_are_one_line(refused_here: Callable[..., str], run: Path, tmp_path: Path) -> None:
    assert "another space" in refused_here("explore", str(ROOT / "examples" / "sweep.toml"), "--out", str(run))
    assert "no run" in refused_here("front", str(tmp_path))
    assert "--on" in refused_here("front", str(tmp_path / "none"))
    for option in (("--strategy", "nm_sparsity:n=2,m=4"), ("--pin", "fc=int8"), ("--batch", "4")):
        told = f"{option[0]} is for the front of a model, {str(run)!r} is the folder of a run"
        assert told in " ".join(refused_here("front", str(run), *option).split())
    assert "no run" in refused_here("diff", str(run), str(tmp_path))
    assert "no folder" in refused_here("runs", str(tmp_path / "none"))
    assert "SQL" in refused_here("runs", str(run), "--sql", "select")


def test_ctrl_c_on_a_terminal_is_clean_and_resumes(bitfront: Callable[..., Any], tmp_path: Path) -> None:
    """Ctrl-C reaches the whole foreground group of a terminal; progress shows a rate; the run goes on afterwards."""
    command = [sys.executable, "-c", "from app.cli import main; main()", "explore", "examples/llm_joint.toml"]
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(ROOT)
        os.environ |= {"PYTHONPATH": str(ROOT), "COLUMNS": "160"}
        os.execv(command[0], [*command, "--out", str(tmp_path / "run"), "--workers", "2"])
    shown = read_until(terminal, b"designs/s")
    os.write(terminal, b"\x03")
    shown += read_until(terminal, None)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 130, shown.decode()
    assert b"Traceback" not in shown
    assert b"the same command goes on" in shown
    listed = json.loads(bitfront("runs", str(tmp_path), "--json").stdout)
    assert 0 < listed[0]["chunks_done"] < listed[0]["chunks"]


def read_until(terminal: int, text: bytes | None) -> bytes:
    """What a terminal shows until a text, or to its end."""
    shown = b""
    deadline = time.monotonic() + 120
    while (text is None or text not in shown) and time.monotonic() < deadline:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    return shown


@pytest.mark.long
def test_a_killed_run_resumes_by_the_same_command(bitfront: Callable[..., Any], run: Path, tmp_path: Path) -> None:
    args = ["explore", str(ROOT / "examples" / "llm_joint.toml"), "--out", str(tmp_path / "run"), "--workers", "2"]
    with subprocess.Popen([sys.executable, "-c", "from app.cli import main; main()", *args], cwd=ROOT) as process:
        journal = tmp_path / "run" / "journal"
        deadline = time.monotonic() + 120
        while not (journal.exists() and journal.stat().st_size > 20_000) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    shown = bitfront("front", str(tmp_path / "run"))
    assert shown.returncode == 0
    assert "Not complete" in shown.stdout
