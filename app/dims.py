"""Sizes that a command line gives to the dimensions that a model's file leaves open."""

from typing import Any

import click


def sizes(_ctx: Any, _param: Any, edits: tuple[str, ...]) -> dict[str, int] | None:
    """Read --dim NAME=SIZE edits, None where there are none; a click.UsageError says what is wrong with one."""
    found: dict[str, int] = {}
    for edit in edits:
        name, equals, size = edit.rpartition("=")
        if not (equals and name and size.strip().isdecimal()):
            raise click.UsageError(f"--dim must be NAME=SIZE, got {edit!r}")
        found[name] = int(size)
    return found or None
