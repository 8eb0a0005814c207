"""A workload as JSON is the same workload again; what is none is refused in one line."""

import json

import pytest

from costmodel import models, zoo
from costmodel.workload import plain


@pytest.mark.parametrize("name", ["resnet18", "mixtral-8x7b", "whisper-tiny", "swin_tiny_patch4_window7_224"])
def test_comes_back(name, tmp_path):
    path = tmp_path / "ops.json"
    path.write_text(plain.to_json(zoo.build(name)))
    assert models.load(f"ops:{path}") == zoo.build(name)


@pytest.mark.parametrize(
    "change",
    [
        lambda _: [],
        lambda d: {k: v for k, v in d.items() if k != "ops"},
        lambda d: d | {"ops": []},
        lambda d: d | {"phase": "other"},
        lambda d: d | {"ops": [d["ops"][0] | {"m": -1}]},
        lambda d: d | {"ops": [d["ops"][0] | {"m": "1"}]},
        lambda d: d | {"ops": [d["ops"][0] | {"evil": 1}]},
        lambda d: d | {"ops": [d["ops"][0] | {"window": {"kernel_height": []}}]},
    ],
)
def test_what_is_none(change, tmp_path):
    path = tmp_path / "ops.json"
    path.write_text(json.dumps(change(json.loads(plain.to_json(zoo.build("resnet18"))))))
    with pytest.raises(ValueError, match=r"^[^\n]*holds no workload[^\n]*$"):
        models.load(f"ops:{path}")


def test_shapes_do_not_apply(tmp_path):
    with pytest.raises(ValueError, match="batch does not apply"):
        models.load(f"ops:{tmp_path}", batch=2)


@pytest.mark.parametrize(("given", "meant"), [("zo:resnet50", "zoo:resnet50"), ("resnet50", "zoo:resnet50")])
def test_a_scheme_mistyped_or_left_out_is_answered_with_the_near_one(given, meant):
    with pytest.raises(ValueError, match=f"got {given!r}; did you mean {meant}"):
        models.load(given)
