"""A workload as JSON is the same workload again; what is none is refused in one line."""

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costmodel import models, zoo
from costmodel.workload import plain
from costmodel.workload.answers import Answers


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


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda d: d | {"name": None}, "name must be a text, got None"),
        (lambda d: d | {"batch": 1.5}, "batch must be an integer of at least 1, got 1.5"),
        (lambda d: d | {"context": -1}, "context must be an integer of at least 0, got -1"),
        (lambda d: d | {"outputs": "x"}, "outputs must be a list, got 'x'"),
        (lambda d: d | {"uncounted": [3]}, "each of uncounted must be a text, got 3"),
        (lambda d: d | {"stated": [["a"]]}, "stated must be a list of pairs of texts"),
        (lambda d: d | {"written": "1"}, "written must be a number of at least 0, got '1'"),
        (lambda d: d | {"answers": 3}, "answers must be an object, got 3"),
        (lambda d: d | {"colour": 3}, "a workload has 'colour', which is no field of Workload"),
        (lambda d: {k: v for k, v in d.items() if k != "phase"}, "'phase' is missing"),
        (lambda d: d | {"ops": [3]}, "an op must be an object, got 3"),
        (lambda d: d | {"ops": [d["ops"][0] | {"kind": "cnov"}]}, "unknown kind 'cnov'; did you mean conv"),
        (lambda d: d | {"ops": [d["ops"][0] | {"kind": None}]}, "kind must be a text, got None"),
        (lambda d: d | {"ops": [d["ops"][0] | {"heads": None}]}, "heads must be an object, got None"),
        (lambda d: d | {"ops": [d["ops"][0] | {"inputs": {"a": 1}}]}, "inputs must be a list, got {'a': 1}"),
    ],
)
def test_what_is_wrong_is_named(change, complaint, tmp_path):
    path = tmp_path / "ops.json"
    path.write_text(json.dumps(change(json.loads(plain.to_json(zoo.build("resnet18"))))))
    with pytest.raises(ValueError, match=r"\A[^\n]*\Z") as caught:
        models.load(f"ops:{path}")
    assert complaint in str(caught.value)


def test_what_a_strategy_says_comes_back(tmp_path):
    path = tmp_path / "ops.json"
    own = replace(zoo.build("resnet18"), written=3.5, passes=4, batch=8, context=7, heard=9, answers=Answers(0.5, 0.25))
    path.write_text(plain.to_json(own))
    assert plain.read(path) == own


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
TINY = json.loads(plain.to_json(replace(zoo.build("resnet18"), ops=zoo.build("resnet18").ops[:2], outputs=())))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_field_gone_astray_is_a_workload_or_one_line(data, tmp_path):
    path, told = tmp_path / "ops.json", json.loads(json.dumps(TINY))
    where = data.draw(st.sampled_from([told, told["ops"][0]]))
    where[data.draw(st.sampled_from(sorted(where)))] = data.draw(values)
    path.write_text(json.dumps(told))
    with suppress(ValueError):
        assert plain.read(path).ops
        return
    with pytest.raises(ValueError, match=r"\A[^\n]*\Z"):
        plain.read(path)


def test_shapes_do_not_apply(tmp_path):
    with pytest.raises(ValueError, match="batch does not apply"):
        models.load(f"ops:{tmp_path}", batch=2)


@pytest.mark.parametrize(("given", "meant"), [("zo:resnet50", "zoo:resnet50"), ("resnet50", "zoo:resnet50")])
def test_a_scheme_mistyped_or_left_out_is_answered_with_the_near_one(given, meant):
    with pytest.raises(ValueError, match=f"got {given!r}; did you mean {meant}"):
        models.load(given)
