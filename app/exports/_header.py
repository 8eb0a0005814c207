"""What an export says of itself: the plan it holds, and the version of the tool that reads it."""

from importlib.metadata import version

from app.exports._plan import Chosen


def fields(chosen: Chosen, tool: str) -> dict[str, str]:
    """The header as a mapping: who wrote the file, for which tool's schema, for which model and device."""
    known = {"model": chosen.model, "device": chosen.device}
    return {"written_by": f"bitfront {version('bitfront')}", "schema": tool} | {k: v for k, v in known.items() if v}


def comment(chosen: Chosen, tool: str, *notes: str) -> str:
    """The header as lines of comment."""
    lines = [f"{key}: {value}" for key, value in fields(chosen, tool).items()] + list(notes)
    return "".join(f"# {' '.join(line.split())}\n" for line in lines)
