import json

SPACE = """
objectives = ["latency_s"]
latency = "roofline"
[axes]
model = ["zoo:resnet18"]
device = ["h100_sxm", "l4"]
precision = ["w8a8", "w16a16"]
batch = [1, 64]
"""


def test_indices_of_a_space(bitfront, refused_here, tmp_path):
    path = tmp_path / "space.toml"
    path.write_text(SPACE)
    done = json.loads(bitfront("indices", str(path), "--log", "--json").stdout)
    assert done["evaluations"] == 8
    assert {row["input"] for row in done["indices"]} == {"device", "precision", "batch"}
    assert done["indices"][0]["input"] == "batch"
    assert "unknown value of device" in refused_here("indices", str(path), "--only", "device=h100")
    assert "unknown" in refused_here("indices", str(path), "--metric", "speed")
    assert "space.toml" in refused_here("indices", str(tmp_path / "no-space.toml"))
