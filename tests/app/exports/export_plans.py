"""Plans for exports: layers of arbitrary names, each with one of the pairs of formats that a target expresses."""

import json

from hypothesis import strategies as st

WORD = st.text("ab0_-[]*+?.$ ", min_size=1, max_size=6).filter(lambda s: s.strip(".") == s and ".." not in s)
"""Module names may hold anything: globs and regular expressions must be escaped."""


def assignments(pairs):
    """{layer: weight/activation}, at least one layer, with pairs among those given."""
    return st.dictionaries(WORD, st.sampled_from(sorted(pairs)), min_size=1, max_size=8).filter(apart)


def apart(names):
    """Whether no layer is within another, as none is in a network."""
    return not any(name.startswith(f"{other}.") for name in names for other in names)


def plan(assignment, **more):
    """The JSON of `bitfront optimize`, as far as exports read it."""
    return {"model": "torch:a:b", "device": "h100_sxm", "assignment": assignment} | more


def saved(folder, assignment, **more):
    path = folder / "plan.json"
    path.write_text(json.dumps(plan(assignment, **more)))
    return path


def network(layers, make):
    """A module with make() at each of the names, and one more layer, other, that no plan names."""
    from torch import nn

    root = nn.Module()
    for name in [*layers, "other"]:
        *folders, last = name.split(".")
        parent = root
        for folder in folders:
            if folder not in parent._modules:
                parent.add_module(folder, nn.Module())
            parent = parent._modules[folder]
        parent.add_module(last, make())
    return root
