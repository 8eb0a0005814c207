"""Every line of README's tour and of the guide runs, and what they link to exists."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
Run = Callable[..., subprocess.CompletedProcess[str]]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
BLOCKS = [block.strip().splitlines() for block in re.findall(r"```bash\n(.*?)```", TEXT, re.S)]
COMMANDS = [line for block in BLOCKS for line in block]
SCRIPTS = re.findall(r"```python\n(.*?)```", TEXT, re.S)


def arguments_of(line: str) -> list[str]:
    program, *arguments = shlex.split(line, comments=True)
    assert program == "bitfront"
    return arguments


def made_by(line: str) -> str | None:
    """What a command writes."""
    given = arguments_of(line)
    return given[given.index("--out") + 1] if "--out" in given else None


def needed(block: list[str]) -> list[str]:
    """Commands of earlier blocks that write what this one reads."""
    earlier = COMMANDS[: COMMANDS.index(block[0])]
    read = {word for line in block for word in arguments_of(line)} - {made_by(line) for line in block}
    return [
        line for line in earlier if (made := made_by(line)) and any(w.split("/")[0] == made or w == made for w in read)
    ]


def trains(block: list[str]) -> bool:
    """Whether a block trains the demo's network, as tests of the demo do."""
    return any("torch:" in line for line in block)


@pytest.mark.parametrize(
    "block",
    [pytest.param(b, id=b[0][:60], marks=pytest.mark.long if trains(b) else ()) for b in BLOCKS],
)
def test_a_block_of_commands_runs_in_order(block: list[str], bitfront: Run, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for line in [*needed(block), *block]:
        done = bitfront(*arguments_of(line), cwd=tmp_path)
        assert done.returncode == 0, (line, done.stderr)
        assert done.stdout


def test_the_tour_is_long() -> None:
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_run(script: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", script]
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_make_targets_exist() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    assert set(re.findall(r"\bmake ([a-z-]+)", TEXT)) <= set(targets)


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!http)(.*?)\)", page.read_text(encoding="utf-8"))
    for path, _, anchor in (link.partition("#") for link in links):
        there = page.parent / path if path else page
        assert there.is_file(), path
        assert not anchor or anchor in anchors(there), anchor


def anchors(page: Path) -> set[str]:
    """What a page's headings are called in links to them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
