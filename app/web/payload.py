"""Whether a callback's request is one that this app's page sends: the same output, inputs and states, in its order."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Dependencies = Sequence[Mapping[str, Any]]


def problem(body: Any, callbacks: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what is wrong with a request's body, "" where nothing is.

    callbacks  Dash's `callback_map`: {output: {"inputs": [{"id", "property"}], "state": [...]}}
    """
    if not isinstance(body, dict) or not isinstance(body.get("output"), str):
        return "a callback's request is an object with an output"
    known = callbacks.get(body["output"])
    if known is None:
        return "no such callback"
    for part, wanted in (("inputs", known["inputs"]), ("state", known["state"])):
        if not _matches(body.get(part, []), wanted):
            return f"the {part} are not those of the callback"
    if not _are_outputs(body.get("outputs"), body["output"]):
        return "the outputs are not those of the callback"
    changed = body.get("changedPropIds", [])
    if not isinstance(changed, list) or not all(isinstance(name, str) for name in changed):
        return "changedPropIds is a list of names"
    return ""


def _matches(given: Any, wanted: Dependencies) -> bool:
    """Whether the parts are the callback's; ids of patterns are told as text there, and may match several."""
    if not isinstance(given, list) or len(given) != len(wanted):
        return False
    return all(_is(part, expected) for part, expected in zip(given, wanted, strict=True))


def _is(part: Any, expected: Mapping[str, Any]) -> bool:
    if str(expected["id"]).startswith("{"):
        parts = part if isinstance(part, list) else [part]
        return all(
            isinstance(p, dict) and isinstance(p.get("id"), dict) and p.get("property") == expected["property"]
            for p in parts
        )
    return isinstance(part, dict) and (part.get("id"), part.get("property")) == (expected["id"], expected["property"])


def _are_outputs(given: Any, output: str) -> bool:
    """Whether the parts are the callback's outputs in its order, a pattern's id with its wildcards filled in."""
    named = output.removeprefix("..").removesuffix("..").split("...") if output.startswith("..") else [output]
    parts = given if output.startswith("..") else [given]
    if not isinstance(parts, list) or len(parts) != len(named):
        return False
    return all(_is_output(part, *name.rsplit(".", 1)) for part, name in zip(parts, named, strict=True))


def _is_output(part: Any, id: str, prop: str) -> bool:
    if not isinstance(part, dict) or part.get("property") != prop:
        return False
    return _fills(part.get("id"), json.loads(id)) if id.startswith("{") else part.get("id") == id


def _fills(given: Any, pattern: Mapping[str, Any]) -> bool:
    """Whether an id has the names of a pattern, its fixed values, and a text or number where it has a wildcard."""
    return (
        isinstance(given, dict)
        and given.keys() == pattern.keys()
        and all(isinstance(given[k], str | int) if isinstance(v, list) else given[k] == v for k, v in pattern.items())
    )
