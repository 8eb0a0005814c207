"""What an export says of itself: the plan it holds, and the version of the tool that reads it."""

from importlib.metadata import version

from app.exports._formats import stays
from app.exports._plan import Chosen
from costmodel.display import quantity


def fields(chosen: Chosen, tool: str) -> dict[str, str]:
    """The header as a mapping: who wrote the file, for which tool's schema, for which model and device."""
    known = {"model": chosen.model, "device": chosen.device, "shared_weights": "; ".join(shared(chosen))}
    return {"written_by": f"bitfront {version('bitfront')}", "schema": tool} | {k: v for k, v in known.items() if v}


def shared(chosen: Chosen) -> list[str]:
    """A line for each layer that changes with another's weights, which tools store once more."""
    held = {row["name"]: quantity("weight_bytes", float(row.get("weight_bytes", 0))) for row in chosen.rows}
    return [
        f"{layer.name} has the weights of {layer.shares} and their format, {layer.spelled}; the plan counts them once,"
        f" a tool that quantises each apart stores {held.get(layer.shares, 'as much')} more until they are tied again"
        for layer in chosen.layers
        if layer.shares and not stays(layer)
    ]


def comment(chosen: Chosen, tool: str, *notes: str) -> str:
    """The header as lines of comment."""
    lines = [f"{key}: {value}" for key, value in fields(chosen, tool).items()] + list(notes)
    return "".join(f"# {' '.join(line.split())}\n" for line in lines)
