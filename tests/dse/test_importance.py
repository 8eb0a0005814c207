import numpy as np
import pytest

from dse.importance import importance, narrowed
from dse.indices import exact
from dse.space import Space

PLAIN = {
    "axes": {
        "model": ["zoo:resnet18", "zoo:resnet50"],
        "device": ["h100_sxm", "l4"],
        "precision": ["w8a8", "w16a16"],
        "batch": [1, 4, 16],
    },
    "objectives": ["minimise latency_s"],
    "latency": "roofline",
}


@pytest.fixture(scope="module")
def space():
    return Space.read(PLAIN)


def test_shares_of_an_additive_and_a_multiplied_grid():
    a, b = np.array([0.0, 1.0]), np.array([0.0, 2.0, 4.0])
    added = exact(a[:, None] + b, ["a", "b"])
    np.testing.assert_allclose(added.first, added.total)
    assert added.first.sum() == pytest.approx(1.0)
    assert added.first[1] / added.first[0] == pytest.approx(b.var() / a.var())
    crossed = exact(np.where(a[:, None] == (b > 1), 1.0, -1.0)[:, :2], ["a", "b"])
    np.testing.assert_allclose(crossed.first, 0.0)
    np.testing.assert_allclose(crossed.total, 1.0)


def test_a_whole_space_is_exact_and_a_sample_agrees(space):
    whole = importance(space, "latency_s", logarithm=True)
    assert whole.evaluations == space.size
    assert set(whole.names) == set(PLAIN["axes"])
    assert (whole.first <= whole.total + 1e-12).all()
    sampled = importance(space, "latency_s", logarithm=True, most_whole=1, samples=256)
    order = [sampled.names.index(n) for n in whole.names]
    np.testing.assert_allclose(sampled.first[order], whole.first, atol=0.05)
    np.testing.assert_allclose(sampled.total[order], whole.total, atol=0.05)


def test_counts_depend_on_no_device(space):
    found = importance(space, "macs")
    at = dict(zip(found.names, found.total, strict=True))
    assert at["device"] == at["precision"] == 0
    assert at["batch"] > 0.3


@pytest.mark.parametrize(
    ("metric", "says"),
    [("latency", "latency_s"), ("lut", r"24 of 24 lack it \(100% of those with"), ("params * 0", "everywhere")],
)
def test_bad_metrics(space, metric, says):
    with pytest.raises(ValueError, match=says):
        importance(space, metric)


def test_a_logarithm_of_nothing(space):
    with pytest.raises(ValueError, match="above 0"):
        importance(space, "kv_bytes", logarithm=True)


def test_an_axis_is_narrowed_by_spelling(space):
    assert narrowed(space, "batch", ["4"]).axis("batch").values == (4,)
    assert narrowed(space, "device", ["l4"]).size == space.size // 2
    with pytest.raises(ValueError, match="unknown value of device 'l40'; did you mean l4"):
        narrowed(space, "device", ["l40"])
    with pytest.raises(ValueError, match="'batch' is narrowed to some of its values, got none"):
        narrowed(space, "batch", [])


def test_nothing_varies():
    one = Space.read(PLAIN | {"axes": {name: values[:1] for name, values in PLAIN["axes"].items()}})
    with pytest.raises(ValueError, match="nothing varies"):
        importance(one, "latency_s")


def test_a_sampled_design_that_lacks_the_metric_is_named_by_its_values(space):
    with pytest.raises(ValueError, match="lack it, as ") as caught:
        importance(space, "lut", most_whole=1, samples=64)
    design = dict(each.split("=", 1) for each in str(caught.value).split("lack it, as ")[1].split(";")[0].split(", "))
    assert set(design) >= set(PLAIN["axes"])
    assert all(design[axis.name] in map(str, axis.labels) for axis in space.axes)
    assert "indices need lut for every design, 24 of 24 sampled" in str(caught.value)
