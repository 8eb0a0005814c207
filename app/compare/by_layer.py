"""A precision a layer as a short text: the precisions, then runs of layers, as "int8/int8+int4/bf16:a3b18"."""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from string import ascii_lowercase

from app.web.spelling import canonical
from costmodel.strategies.nm_sparsity import NMSparsity
from costmodel.workload import Op, Workload

MOST_LAYERS = 20_000
FORM = re.compile(r"(.+):((?:[a-z][0-9]{1,5})+)")


def pack(precisions: Sequence[str]) -> str:
    """The text of the precisions of a model's layers, in its order; ValueError where they are too many kinds."""
    kinds = list(dict.fromkeys(precisions))
    if len(kinds) > len(ascii_lowercase):
        raise ValueError(f"a plan has at most {len(ascii_lowercase)} precisions, got {len(kinds)}")
    letters = dict(zip(kinds, ascii_lowercase, strict=False))
    runs = "".join(f"{letters[kind]}{len(list(run))}" for kind, run in groupby(precisions))
    return f"{'+'.join(kinds)}:{runs}"


def unpack(text: str) -> tuple[str, ...]:
    """The precisions of a text, a layer each; ValueError in one line where it is none."""
    found = FORM.fullmatch(text)
    if not found:
        raise ValueError(f"layers must be like int8/int8+int4/bf16:a3b18, got {text[:60]!r}")
    kinds = dict(zip(ascii_lowercase, map(canonical, found[1].split("+")), strict=False))
    layers: list[str] = []
    for letter, count in re.findall(r"([a-z])([0-9]+)", found[2]):
        if letter not in kinds or len(layers) + int(count) > MOST_LAYERS:
            raise ValueError(f"layers must name one of the {len(kinds)} precisions, got {letter}{count}")
        layers += [kinds[letter]] * int(count)
    return tuple(layers)


def applied(text: str, workload: Workload) -> tuple[Workload, dict[str, str]]:
    """The workload with the layers pruned whose precision is sparse, and the precision of each layer without that.

    ValueError where the text is of a network with other layers.
    """
    layers, chosen = workload.layers, unpack(text)
    if len(layers) != len(chosen):
        raise ValueError(f"the plan has {len(chosen)} layers, {workload.name} has {len(layers)}: choose a precision")
    plan = dict(zip(layers, chosen, strict=True))
    return _pruned(workload, plan), {layer: spelled.partition("@")[0] for layer, spelled in plan.items()}


def summary(chosen: Sequence[str]) -> str:
    """How many layers have each precision, the most first: "18 × int4/bf16 + 3 × int8/int8"."""
    kinds = sorted(dict.fromkeys(chosen), key=lambda kind: -chosen.count(kind))
    return " + ".join(f"{chosen.count(kind)} × {kind}" for kind in kinds)


def _pruned(workload: Workload, plan: Mapping[str, str]) -> Workload:
    kept = {layer: spelled.partition("@")[2] for layer, spelled in plan.items()}
    if not any(kept.values()):
        return workload

    def edit(op: Op) -> Op:
        n, _, m = kept.get(op.name, "").partition(":")
        return NMSparsity(int(n), int(m)).prune(op) if m else op

    return workload.map(edit)
