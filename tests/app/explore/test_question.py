"""A question goes into a link and comes back; what a request must not name is refused."""

import pytest

from app.explore import axes, controls, question
from app.text import counted
from app.web import state
from dse.axes import told
from dse.space import Space

VISION = {"model": "zoo:resnet18", "devices": "t4,zcu104", "precisions": "w8a8,w4a4", "batch": "1,8"}


def test_links_come_back():
    found = question.read(VISION, {})
    assert found.precisions == ("int8/int8", "int4/int4")
    assert question.read(state.parse(state.encode(found.linked({}))), {}) == found
    assert found.space.size == 8


def test_a_value_of_an_axis_is_told_in_words():
    assert axes.told("device.memory_bytes_per_s", 3e11) == "memory bandwidth 300 GB/s"
    assert axes.told("device.shell_lut", 5.0) == "shell_lut 5"
    assert (axes.told("batch", 8), axes.told("device", "l4")) == ("batch 8", "l4")


def test_strategies_keep_their_commas():
    asked = VISION | {"strategies": "none,nm_sparsity:n=2;m=4;layers=layer1.*;fc"}
    found = question.read(asked, {})
    assert found.strategies == ("none", "nm_sparsity:n=2,m=4,layers=layer1.*;fc")
    assert question.read(state.parse(state.encode(found.linked({}))), {}) == found


def test_without_a_model_there_is_a_question_all_the_same():
    assert question.read({}, {}).phase == "decode"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": "torch:os:getcwd"}, "unknown model"),
        ({"model": "onnx:/etc/passwd"}, "unknown model"),
        ({"devices": "/etc/passwd"}, "unknown device"),
        ({"devices": ""}, "at least one device"),
        ({"precisions": "w3z"}, "w3z"),
        ({"precisions": ""}, "at least one"),
        ({"strategies": "none:x"}, "strategy"),
        ({"strategies": "specdec_plus_plus: trace=/etc/passwd"}, "a page reads no files"),
    ],
)
def test_what_is_refused(change, told):
    with pytest.raises(ValueError, match=told):
        question.read(VISION | change, {})


def test_a_page_takes_so_many_designs():
    asked = VISION | {"batch": ",".join(map(str, range(1, 6000)))}
    with pytest.raises(ValueError, match="too many for a page"):
        _ = question.read(asked, {}).space


def test_the_form_beside_a_run_has_the_values_of_its_space():
    axes = {
        "model": {"model": "zoo:llama-3.2-1b", "phase": "prefill"}, "device": ["a100_sxm"], "context": [512, 1024],
        "precision": ["w8a8", "w4a16"], "device.memory_bytes_per_s": [1e12, 8e12],
    }  # fmt: skip
    found = question.of_space(Space.read({"axes": axes, "objectives": ["latency_s", "loss"]}))
    assert (found.model, found.phase, found.devices) == ("zoo:llama-3.2-1b", "prefill", ("a100_sxm",))
    assert (found.precisions, found.context) == (("int8/int8", "int4/bf16"), (512, 1024))
    assert question.unheld(Space.read({"axes": axes, "objectives": ["latency_s", "loss"]})) == [
        "device.memory_bytes_per_s 1 TB/s, 8 TB/s"
    ]
    assert told("device.memory_bytes_per_s", 8e12) == "memory_bytes_per_s 8 TB/s"
    assert (told("batch", 8), told("device", "l4"), told("strategy", "none")) == ("batch 8", "l4", "strategy none")


def test_the_form_says_what_of_a_run_it_leaves_out():
    weights, kept = [f"int{bits}/int{act}" for bits in (2, 3, 4, 8) for act in (2, 3, 4, 8)], question.MOST_SHOWN
    space = Space.read({"axes": {"model": "zoo:resnet18", "device": ["t4", "l4"], "precision": weights},
                        "objectives": ["latency_s", "loss"]})  # fmt: skip
    assert list(question.of_space(space).precisions) == weights[:kept]
    assert question.unheld(space) == [f"precision {', '.join(weights[kept:])}"]
    form = str(controls.question_panel(question.of_space(space), {}, "r", question.unheld(space)))
    assert f"It has no room for precision {', '.join(weights[kept:])}." in form
    assert "no room" not in str(controls.question_panel(question.of_space(space), {}, "r"))


def test_one_is_one():
    assert (counted(1, "design"), counted(2000, "design")) == ("1 design", "2,000 designs")
