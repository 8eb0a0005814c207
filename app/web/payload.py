"""Whether a callback's request is one that this app's page sends: the same output, inputs and states, in its order."""

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
    if not _are_outputs(body.get("outputs", []), body["output"]):
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
    listed = [part for item in (given if isinstance(given, list) else [given]) for part in _flat(item)]
    if not all(isinstance(part, dict) and isinstance(part.get("property"), str) for part in listed):
        return False
    told = {f"{part.get('id')}.{part['property']}" for part in listed if isinstance(part.get("id"), str)}
    return told <= set(output.strip(".").split("...")) if "{" not in output else True


def _flat(item: Any) -> list[Any]:
    return item if isinstance(item, list) else [item]
