"""What the shells ask for, in click's protocol: commands, models, devices; each shell's script."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

RUN = "from app.cli import main; main()"


def completed(line: str) -> list[str]:
    words = line.split(" ")
    asked = {"_BITFRONT_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=os.environ | asked, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "answers"),
    [
        ("bitfront est", {"plain,estimate"}),
        ("bitfront estimate zoo:resnet5", {"plain,zoo:resnet50"}),
        ("bitfront optimize on", {"plain,onnx:"}),
        ("bitfront front zoo:vgg16 --on a100_sxm", {"plain,a100_sxm", "plain,a100_sxm_40gb"}),
        ("bitfront estimate zoo:vgg16 --precision w4", {"plain,w4a16", "plain,w4a8", "plain,w4a4"}),
        ("bitfront serving zoo:gpt2 --precision w4a16,w8", {"plain,w4a16,w8a16", "plain,w4a16,w8a8"}),
        ("bitfront front zoo:vgg16 --formats int4,int8_", {f"plain,int4,int8_g{n}" for n in (32, 64, 128)}),
        ("bitfront front zoo:vgg16 --budget lat", {"plain,latency_s"}),
        ("bitfront estimate zoo:vgg16 --strategy nm", {"plain,nm_sparsity"}),
        ("bitfront estimate zoo:vgg16 --on ./mine", {"file,./mine"}),
    ],
)
def test_names_are_completed(line: str, answers: set[str]) -> None:
    assert set(completed(line)) == answers


@pytest.mark.parametrize(("shell", "says"), [("bash", "COMP_WORDBREAKS="), ("zsh", "#compdef"), ("fish", "complete ")])
def test_each_shell_has_a_script(bitfront: Callable[..., object], shell: str, says: str) -> None:
    assert says in bitfront("completion", shell).stdout


def test_no_command_is_answered_with_the_help(bitfront: Callable[..., object]) -> None:
    done = bitfront()
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) > 10
    assert "Commands:" in done.stderr


def test_scripts_and_the_version_are_json_too(bitfront: Callable[..., object]) -> None:
    plain, as_json = bitfront("completion", "bash").stdout, json.loads(bitfront("completion", "bash", "--json").stdout)
    assert as_json == {"shell": "bash", "script": plain.rstrip("\n")}
    version = bitfront("--version").stdout.split()[-1]
    for order in (("--version", "--json"), ("--json", "--version")):
        assert json.loads(bitfront(*order).stdout) == {"name": "bitfront", "version": version}
    refused = bitfront("--json", "formats")
    assert (refused.returncode, refused.stderr) == (2, "bitfront: --json goes behind the command, or with --version\n")
