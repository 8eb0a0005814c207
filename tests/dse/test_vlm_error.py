"""Predicted error of a vision-language model as a column: the law on the workload's size and the tokens kept."""

import numpy as np
import pytest

from costmodel import zoo
from costmodel.quality.vlm_law import error
from dse import Space
from dse.passes import build
from dse.sweep import sweep
from dse.vlm_error import vlm_error

MODEL = zoo.build("llama-3.2-1b", phase="prefill", context=600)


def of(spelled, model=None):
    shape = model or {"model": "zoo:llama-3.2-1b", "phase": "prefill", "context": 600}
    return vlm_error(build({"model": shape, "strategy": spelled}), spelled)


SPACE = {
    "axes": {
        "model": [
            {"model": f"zoo:{name}", "phase": "prefill", "context": 600} for name in ("llama-3.2-1b", "llama-3.1-8b")
        ],
        "device": "a100_sxm",
        "precision": "bf16",
        "strategy": [{"name": "visual_tokens", "kept": [1, 576]}],
    },
    "objectives": ["vlm_error", "latency_s"],
    "latency": "roofline",
}


def test_it_is_the_law() -> None:
    size = sum(op.params for op in MODEL.ops)
    expected = float(error(params=size, visual_tokens=4))
    assert of("visual_tokens:kept=4") == expected
    assert of(["double_rounding", {"name": "visual_tokens", "kept": 4}]) == expected
    assert np.isnan(of("nm_sparsity:n=2,m=4 + visual_tokens:kept=4"))


def test_without_visual_tokens_it_is_not_known() -> None:
    assert np.isnan(of("none"))


def test_a_space_puts_error_against_time(tmp_path) -> None:
    """The 8B model on one token errs less than the 1B model on all, so that the front has both at least."""
    run = sweep(Space.read(SPACE), tmp_path / "run")
    assert run.counts.unknown == 0
    assert run.front.index.size >= 2


def test_what_it_needs_is_said() -> None:
    axes = {name: value for name, value in SPACE["axes"].items() if name != "strategy"}
    with pytest.raises(ValueError, match="vlm_error needs the axis strategy"):
        Space.read(SPACE | {"axes": axes})
    with pytest.raises(ValueError, match="language models, resnet18"):
        of("none", {"model": "zoo:resnet18"})
