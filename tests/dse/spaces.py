"""Small spaces for tests."""

from typing import Any

from dse.space import Space

SMALL: dict[str, Any] = {
    "axes": {
        "model": ["zoo:resnet18", "zoo:mobilenetv2_100"],
        "batch": [1, 4, 16],
        "precision": {"weight": ["int4", "int8", "bf16"], "activation": ["int8", "bf16"]},
        "device": ["a100_sxm", "h100_sxm", "t4"],
    },
    "objectives": ["latency_s / batch", "footprint_bytes", "loss"],
    "constraints": ["footprint_bytes <= 60MB", "latency_s <= 1ms"],
    "groups": ["device"],
    "latency": "roofline",
}


def small(**changed: Any) -> Space:
    """The small space with settings replaced, or axes by their names."""
    axes = {name: values for name, values in changed.items() if name not in SMALL and name not in ("rows", "metrics")}
    settings = {name: value for name, value in changed.items() if name not in axes}
    return Space.read({**SMALL, **settings, "axes": {**SMALL["axes"], **axes}})
