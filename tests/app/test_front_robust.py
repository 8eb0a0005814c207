import json

import pytest

SPACE = """
objectives = ["latency_s / batch", "weight_bytes"]
{latency}
[axes]
model = ["zoo:resnet18"]
device = ["h100_sxm", "a100_sxm"]
precision = ["w4a16", "w8a16", "w8a8", "w16a16"]
batch = [8]
"""


@pytest.fixture(scope="module")
def run(bitfront, tmp_path_factory):
    folder = tmp_path_factory.mktemp("robust")
    for name, latency in (("estimate", ""), ("roofline", 'latency = "roofline"')):
        (folder / f"{name}.toml").write_text(SPACE.format(latency=latency))
        done = bitfront("explore", str(folder / f"{name}.toml"), "--out", str(folder / name))
        assert done.returncode == 0, done.stderr
    return folder


def test_each_point_says_how_probably_it_stays(bitfront, run):
    front = json.loads(bitfront("front", str(run / "estimate"), "--robust", "--json").stdout)["front"]
    sure = [row["on_front"] for row in front]
    assert all(0 < p <= 1 for p in sure)
    least = min(front, key=lambda row: (row["weight_bytes"], row["latency_s / batch"]))
    assert least["on_front"] >= 0.5
    plain = json.loads(bitfront("front", str(run / "estimate"), "--json").stdout)["front"]
    assert [row["id"] for row in plain] == [row["id"] for row in front]
    assert "on front" in bitfront("front", str(run / "estimate"), "--robust").stdout


def test_where_there_is_no_interval_it_says_so(refused, run):
    assert "no objective has an interval" in refused("front", str(run / "roofline"), "--robust")


def test_of_a_model_it_is_refused(refused):
    assert "zoo:resnet18" in refused("front", "zoo:resnet18", "--robust")
