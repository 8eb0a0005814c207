"""Where a result comes from, in words: what a reader needs to run it again."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

TABLES = {"versions": "Versions", "calibrations": "Calibrations", "inputs": "Inputs"}

CHECK = "bitfront rerun report.json makes every number again and says which differ"
NO_CHECK = "run the Python code that made it again; bitfront rerun needs a command"


def merged(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The provenance of results that one command made: the first one's, with the calibrations and inputs of all.

    "rerun" says whether `bitfront rerun` makes them again: by their command, or an exploration by its space.
    """
    found = [run["provenance"] for run in runs if run.get("provenance")]
    if not found:
        return {}
    tables = {key: {k: v for told in found for k, v in told.get(key, {}).items()} for key in TABLES}
    again = all("space" in run or (run.get("provenance") or {}).get("command") for run in runs)
    return {**found[0], **tables, "rerun": again}


def told(provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, text) of each part of a provenance; nothing where none was kept."""
    if not provenance:
        return []
    command = provenance.get("command")
    tables = [
        (words, ", ".join(f"{name} {value}" for name, value in provenance[key].items()))
        for key, words in TABLES.items()
        if provenance.get(key)
    ]
    seed = provenance.get("seed")
    return [
        ("Command", shlex.join(command) if command else "none: made from Python"),
        *tables,
        ("Seed", "nothing is drawn at random" if seed is None else str(seed)),
        *([("Threads", str(provenance["threads"]))] if "threads" in provenance else []),
        ("Check", CHECK if provenance.get("rerun") else NO_CHECK),
    ]
