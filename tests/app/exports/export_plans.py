"""Plans for exports: layers of arbitrary names, each with one of the pairs of formats that a target expresses."""

import json

from hypothesis import strategies as st

WORD = st.text("ab0_-[]*+?.$ ", min_size=1, max_size=6).filter(lambda s: s.strip(".") == s and ".." not in s)
"""Module names may hold anything: globs and regular expressions must be escaped."""


def assignments(pairs):
    """{layer: weight/activation}, at least one layer, with pairs among those given."""
    return st.dictionaries(WORD, st.sampled_from(sorted(pairs)), min_size=1, max_size=8)


def plan(assignment, **more):
    """The JSON of `bitfront optimize`, as far as exports read it."""
    return {"model": "torch:a:b", "device": "h100_sxm", "assignment": assignment} | more


def saved(folder, assignment, **more):
    path = folder / "plan.json"
    path.write_text(json.dumps(plan(assignment, **more)))
    return path
