"""Where commands write: files into folders that are there, folders made with those above them."""

import importlib
import pkgutil

import click
import pytest
from click.testing import CliRunner

from app import commands, written

WRITES = {"--out", "--report", "--points", "--rows"}
FOLDERS = {"calibrate", "demo", "exam", "explore", "report", "study"}


def options(command, path=""):
    if isinstance(command, click.Group):
        for name, part in command.commands.items():
            yield from options(part, f"{path} {name}".strip())
        return
    for option in command.params:
        if WRITES & set(option.opts):
            yield path, option


def every():
    for module in pkgutil.iter_modules(commands.__path__):
        command = importlib.import_module(f"app.commands.{module.name}").command
        yield from options(command, module.name)


def test_every_command_asks_for_its_place_first():
    found = [(path, option) for path, option in every() if path.split()[0] != "completion"]
    assert {p for p, option in found if isinstance(option.type, written.NewFolder)} == FOLDERS
    assert {path for path, option in found if isinstance(option.type, written.NewFile)} >= {
        "optimize",
        "front",
        "export",
    }
    assert all(isinstance(option.type, written.NewFile | written.NewFolder) for _, option in found)


@click.command()
@click.option("--file", type=written.NewFile())
@click.option("--folder", type=written.NewFolder())
def writes(file, folder):
    click.echo(f"{file} {folder}")


@pytest.mark.parametrize(
    ("option", "path", "says"),
    [
        ("--file", "none/plan.json", "no folder 'none' to write 'plan.json' in"),
        ("--file", "file/plan.json", "no folder 'file' to write 'plan.json' in"),
        ("--folder", "file/run", "no folder 'file/run' can be made"),
        ("--folder", "file/runs/run", "no folder 'file/runs/run' can be made"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(option, path, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=says):
        CliRunner().invoke(writes, [option, path], catch_exceptions=False)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_files_beside_others_and_folders_of_folders_are_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = ["--file", "plan.json", "--folder", "runs/llama/1"]
    assert CliRunner().invoke(writes, given, catch_exceptions=False).output == "plan.json runs/llama/1\n"
