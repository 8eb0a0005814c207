"""bitfront optimize --objective: formats and foldings of an FPGA's layers chosen together."""

import json

import pytest
from test_optimize import MODULE

FORMATS = ("--formats", "int2,int4,int8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("user")
    (folder / "tiny_net.py").write_text(MODULE)
    return folder


@pytest.fixture(scope="module")
def fastest(bitfront, folder):
    args = ("torch:tiny_net:build_with_data", "--on", "pynq_z1", *FORMATS, "--budget", "lut<=1500")
    found = {}
    for objective in ("throughput_per_s", "latency_s"):
        more = ("--budget", "loss<=0.1", "--objective", objective, "--json")
        done = bitfront("optimize", *args, *more, cwd=folder)
        assert done.returncode == 0, done.stderr
        found[objective] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("objective", ["throughput_per_s", "latency_s"])
def test_the_plan_is_proven_keeps_its_budgets_and_beats_formats_then_folding(fastest, objective):
    found = fastest[objective]
    assert found["proven"]
    plan, turn = ({d["name"]: d for d in found["designs"]}[name] for name in ("plan", "formats, then folding"))
    assert plan["totals"]["lut"] <= 1500
    assert plan["loss"] <= 0.1
    sense, total = (1 if objective == "latency_s" else -1), objective
    assert sense * plan["totals"][total] <= sense * turn["totals"][total]
    seconds = found["totals"][total] ** sense
    assert found["objective"] == pytest.approx(seconds)
    assert all(row["pe"] >= 1 for row in found["layers"] if row["name"] in found["assignment"])


def test_each_end_is_best_at_its_own_objective(fastest):
    rate, wait = (fastest[objective]["totals"] for objective in ("throughput_per_s", "latency_s"))
    assert rate["throughput_per_s"] >= wait["throughput_per_s"]
    assert wait["latency_s"] <= rate["latency_s"]


def test_tied_layers_share_a_format_in_the_plan_and_in_formats_then_folding(bitfront, folder, fastest):
    asked = (
        "--budget",
        "lut<=1500",
        "--budget",
        "loss<=0.1",
        "--objective",
        "throughput_per_s",
        "--tie",
        "0,2",
        "--json",
    )
    done = bitfront("optimize", "torch:tiny_net:build_with_data", "--on", "pynq_z1", *FORMATS, *asked, cwd=folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    named = {design["name"]: design for design in found["designs"]}
    for name in ("plan", "formats, then folding"):
        assert len(set(named[name]["assignment"].values())) == 1
    rate = found["totals"]["throughput_per_s"]
    assert named["formats, then folding"]["totals"]["throughput_per_s"] <= rate
    assert rate <= fastest["throughput_per_s"]["totals"]["throughput_per_s"]
    assert found["proven"]


def test_the_terminal_shows_each_layers_folding(bitfront, folder):
    args = ("torch:tiny_net:build_with_data", "--on", "pynq_z1", *FORMATS, "--objective", "latency_s")
    done = bitfront("optimize", *args, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "PE x SIMD" in done.stdout
    assert "proven optimal" in done.stdout


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--on", "pynq_z1", "--conversion", "1e-3"), "--conversion adds to the loss: leave it out, or --objective"),
        (("--on", "pynq_z1", "--mapping", "overlay"), "its layers have no folding; leave out --objective"),
        (
            ("--on", "zcu104", "--mapping", "streamed"),
            "keeps all weights on the chip; leave out --mapping streamed, or --obj",
        ),
        (("--on", "pynq_z1", "--budget", "ff<=1e5"), "bram18, uram, got one on ff"),
    ],
)
def test_what_does_not_go_together_is_one_line(refused_here, args, says):
    assert says in refused_here("optimize", "zoo:resnet18", *FORMATS, "--objective", "throughput_per_s", *args)
