"""Starting is quick because heavy packages load on use alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ["torch", "ortools", "dash", "plotly", "pandas", "sklearn", "transformers", "onnx", "scipy"]

PROBE = """
import json, sys
sys.argv = ["bitfront", *{argv}]
{body}
print("\\n" + json.dumps(sorted(m for m in {heavy} if m in sys.modules)))
"""


def loaded_by(body: str, *argv: str) -> list[str]:
    code = PROBE.format(argv=list(argv), body=body, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


CLI = """
from app.cli import main
try:
    main()
except SystemExit as done:
    assert not done.code, done.code
"""


@pytest.mark.parametrize(
    "argv",
    [
        ("--help",),
        ("estimate", "zoo:resnet50", "--on", "a100_sxm", "--json"),
        (
            "estimate",
            "zoo:llama-3.1-8b",
            "--on",
            "h100_sxm",
            "--precision",
            "w4a16",
            "--batch",
            "8",
            "--context",
            "8192",
        ),
        ("estimate", "zoo:resnet18", "--on", "zcu104", "--precision", "w4a4"),
        ("formats",),
        ("targets", "--json"),
    ],
)
def test_no_heavy_package_on_the_way_to(argv: tuple[str, ...]) -> None:
    assert loaded_by(CLI, *argv) == []


def test_plotly_is_for_reports() -> None:
    asked = ("--formats", "int8,bf16", "--budget", "weight_bytes<=15MB", "--json")
    loaded = loaded_by(CLI, "optimize", "zoo:resnet18", "--on", "h100_sxm", *asked)
    assert not {"plotly", "torch", "dash"} & set(loaded)


@pytest.mark.parametrize(
    "package", ["costmodel", "dse", "costmodel.importers.torch_export", "costmodel.importers.onnx_graph"]
)
def test_importing_loads_no_heavy_package(package: str) -> None:
    assert loaded_by(f"import {package}") == []


def test_help_answers_quickly() -> None:
    def once() -> float:
        before = os.times()
        command = [sys.executable, "-c", "from app.cli import main; main()", "--help"]
        subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(once() for _ in range(5)) < 0.4, "processor time, so that a busy machine does not count"
