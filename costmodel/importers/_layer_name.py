"""What the layer of a parameter is called."""

import re


def layer_name(parameter: str) -> str:
    """The layer that a parameter belongs to: `a.b` for a.b.weight, `a.in_proj` for a.in_proj_weight, `a.p` for a.p.

    A recurrent layer has one for each of its matrices: `a.hh_l0` for a.weight_hh_l0.
    """
    parameter = re.sub(r"\.parametrizations\.(\w+)\.original\d*$", r".\1", parameter)
    owner, _, own = parameter.rpartition(".")
    if re.fullmatch(r"weight_(ih|hh|hr)(_l\d+)?(_reverse)?", own):
        return f"{owner}.{own.removeprefix('weight_')}".lstrip(".")
    return owner if own.startswith("weight") else parameter.removesuffix("_weight")
