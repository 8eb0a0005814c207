"""What nobody should give a command: one line on standard error, exit status 2, nothing written."""

from collections.abc import Callable
from pathlib import Path

import pytest

CALLS = {
    "estimate": ("zoo:resnet18", "--on", "l4"),
    "optimize": ("zoo:resnet18", "--on", "l4", "--formats", "int4"),
    "front": ("zoo:resnet18", "--on", "l4", "--formats", "int4"),
    "crossover": ("zoo:resnet18", "--design", "l4@w8a8", "--design", "t4@w8a8", "--axis", "batch=1:4"),
    "explore": ("space.toml", "--out", "run"),
    "indices": ("space.toml", "--metric", "latency_s"),
    "diff": ("run_a", "run_b"),
    "report": ("plan.json", "--out", "out"),
    "rerun": ("plan.json",),
    "export": ("torchao", "plan.json", "--out", "out.json"),
    "validate": ("rows.csv",),
    "calibrate": ("rows.csv",),
    "completion": ("bash",),
}
SPOILT = ("", "*", "9" * 5000, "no\nsuch", "é", "../..", "/dev/null")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("value", SPOILT, ids=range(len(SPOILT)))
def test_a_spoilt_argument_is_one_line(refused_here: Callable[..., str], tmp_path: Path, name: str, value: str) -> None:
    line = refused_here(name, value, *CALLS[name][1:], cwd=tmp_path)
    assert len(line) < 1000
    assert list(tmp_path.iterdir()) == []


def test_the_default_precision_is_named_where_an_fpga_has_none_of_it(process) -> None:
    done = process("estimate", "zoo:resnet18", "--on", "zcu104")
    assert done.returncode == 2
    assert done.stderr.endswith("got bf16 for layer conv1; bf16 is the default: give --precision, as w8a8\n")
