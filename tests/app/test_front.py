"""bitfront front: the exact front as JSON, and one clear line for bad input."""

import json
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import costmodel as cm
import dse
from app.front_told import fits
from costmodel.workload import Workload
from costmodel.workload.ops import linear

FEW = "layer1.0.conv1,layer1.0.conv2,layer1.1.conv1,layer1.1.conv2,layer2.0.conv1,layer2.0.conv2,layer2.1.conv1"
FEW += ",layer2.1.conv2,layer2.0.downsample.0,layer3.0.downsample.0,layer4.0.downsample.0,layer3.0.conv1,layer3.0.conv2"

ARGS = ("zoo:resnet18", "--on", "h100_sxm", "--formats", "int2,int4,int8")


def test_points_are_a_front_and_their_choices_make_them(bitfront: Callable[..., Any]) -> None:
    done = bitfront("front", *ARGS, "--objectives", "loss,weight_bytes", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    points = np.array([[p["loss"], p["weight_bytes"]] for p in found["points"]])
    assert len(points) > 100
    assert (np.diff(points[:, 0]) < 0).all()
    assert (np.diff(points[:, 1]) > 0).all()
    uniform = next(p for p in found["points"] if set(p["choice"]) == {2})
    assert uniform == found["points"][-1]
    assert len(uniform["choice"]) == len(found["layers"])


def test_table_says_how_many_points(bitfront: Callable[..., Any]) -> None:
    done = bitfront("front", *ARGS)
    assert done.returncode == 0
    assert "points" in done.stdout
    assert "MB" in done.stdout
    assert "points, 40 shown" in done.stdout
    last = json.loads(bitfront("front", *ARGS, "--json").stdout)["points"][-1]
    assert done.stdout.split()[-2:] == [f"{last['weight_bytes'] / 1e6:.4g}", "MB"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--objectives", "loss"), "two"),
        (("--objectives", "loss,loss"), "two different"),
        (("--objectives", "loss,wieght_bytes"), "weight_bytes"),
        (("--objectives", "loss,peak_activation_bytes"), "peak_activation_bytes"),
        (("--tie", "conv1,nope"), "nope"),
        (("--fit",), "--fit is for an FPGA, and h100_sxm is none"),
        (("--budget", "peak_activation_bytes<=1MB"), "a front has no budget of peak_activation_bytes"),
        (("--pin", "nope=int8"), "nope"),
        (("--allow", "conv1=int8", "--pin", "conv1=int4"), "no format is left to conv1"),
        (
            ("--objectives", "weight_bytes,loss", "--conversion", "1e-3"),
            "the first objective of the front must be loss",
        ),
        (("--conversion", "-1"), "a conversion must be"),
    ],
)
def test_bad_input_is_one_line(refused: Callable[..., str], args: tuple[str, ...], says: str) -> None:
    assert says in refused("front", *ARGS, *args)


def test_points_stream_as_lines_and_are_kept(bitfront: Callable[..., Any], tmp_path: Path) -> None:
    args = ("zoo:resnet18", "--on", "h100_sxm", "--formats", "int4,int8", "--tie", FEW)
    whole = json.loads(bitfront("front", *args, "--json").stdout)["points"]
    lines = [json.loads(line) for line in bitfront("front", *args, "--stream").stdout.splitlines()]
    assert [p["choice"] for p in whole] == [p["choice"] for p in reversed(lines)]
    kept = tmp_path / "points.jsonl"
    done = bitfront("front", *args, "--points", str(kept), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["points"] == whole
    assert whole[0]["supported"]
    assert len(kept.read_text().splitlines()) == len(whole) + 2
    streamed = bitfront("front", *args, "--points", str(kept), "--stream").stdout.splitlines()
    assert [json.loads(line) for line in streamed] == lines


def test_points_that_no_fpga_holds_say_so(bitfront: Callable[..., Any]) -> None:
    asked = ("front", "zoo:resnet18", "--on", "zcu104", "--formats", "int2,int4", "--objectives", "loss,lut")
    points = json.loads(bitfront(*asked, "--json").stdout)["points"]
    unfit = [point for point in points if not point["fits"]]
    assert 0 < len(unfit) < len(points)
    assert all(point["beyond"]["bram18"] > 1 for point in unfit)
    told = bitfront(*asked).stdout
    assert f"{len(unfit)} of {len(points)} points do not fit the device" in told


def points_of(bitfront: Callable[..., Any], *args: str) -> Any:
    done = bitfront("front", *args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_front_within_a_budget_is_that_part_of_the_front(bitfront: Callable[..., Any]) -> None:
    whole = points_of(bitfront, *ARGS)["points"]
    limit = whole[len(whole) // 2]["weight_bytes"]
    within = points_of(bitfront, *ARGS, "--budget", f"weight_bytes<={limit!r}")["points"]
    assert [p["choice"] for p in within] == [p["choice"] for p in whole[: len(whole) // 2 + 1]]
    streamed = bitfront("front", *ARGS, "--budget", f"weight_bytes<={limit!r}", "--stream").stdout.splitlines()
    assert [json.loads(line)["loss"] for line in streamed] == [point["loss"] for point in reversed(within)]
    refused = bitfront("front", *ARGS, "--budget", "weight_bytes<=1")
    assert refused.returncode == 3
    assert "weight_bytes is at least 2940928 (budget 1)" in refused.stderr


def test_every_point_keeps_pins_lists_and_the_number_of_formats(bitfront: Callable[..., Any], tmp_path: Path) -> None:
    asked = ("--pin", "conv1=int8", "--allow", "layer1.*=int4,int8", "--max-formats", "2")
    found = points_of(bitfront, *ARGS, "--tie", FEW, *asked)
    layers = found["layers"]
    for point in found["points"]:
        taken = {name: found["formats"][option] for name, option in zip(layers, point["choice"], strict=True)}
        assert taken["conv1"] == "int8/bf16"
        assert {taken[name] for name in layers if name.startswith("layer1.")} <= {"int4/bf16", "int8/bf16"}
        assert len(set(taken.values())) <= 2
    assert len({option for point in found["points"] for option in point["choice"]}) == 3
    kept = str(tmp_path / "points.jsonl")
    filed = points_of(bitfront, *ARGS, "--tie", FEW, *asked, "--points", kept)["points"]
    assert [p["loss"] for p in filed] == pytest.approx([p["loss"] for p in found["points"]])


def test_conversions_add_to_the_loss_of_each_point(bitfront: Callable[..., Any]) -> None:
    args = ("zoo:resnet18", "--on", "h100_sxm", "--formats", "int4,int8", "--tie", FEW)
    plain, free, found = (
        points_of(bitfront, *args, *asked)["points"] for asked in ((), ("--conversion", "0"), ("--conversion", "0.01"))
    )
    assert [p["weight_bytes"] for p in free] == [p["weight_bytes"] for p in plain]
    assert [p["loss"] for p in free] == pytest.approx([p["loss"] for p in plain])
    sizes, losses = ([p[name] for p in free] for name in ("weight_bytes", "loss"))
    added = [p["loss"] - losses[bisect_right(sizes, p["weight_bytes"]) - 1] for p in found]
    assert min(added) == pytest.approx(0.0, abs=1e-9)  # of one format throughout
    assert max(added) > 0.01


def test_a_front_that_must_fit_is_of_designs_that_do(bitfront: Callable[..., Any]) -> None:
    asked = ("zoo:resnet18", "--on", "zcu104", "--formats", "int2,int4", "--objectives", "loss,lut", "--fit")
    points = points_of(bitfront, *asked)["points"]
    assert points
    assert all(point["fits"] for point in points)
    first = json.loads(bitfront("front", *asked, "--stream").stdout.splitlines()[0])
    assert first["loss"] == points[-1]["loss"]


def test_whether_a_point_fits_is_as_its_plan_is_evaluated() -> None:
    net = Workload("net", tuple(linear(f"fc{i}", 16, 64, 64) for i in range(4)))
    problem = dse.choices(net, ["int2", "int8"]).on(replace(cm.fpga("pynq_z1"), lut=900.0))
    choices = np.array([[0, 1, 0, 1], [1, 0, 1, 0], [1, 1, 1, 1]])
    said = [told["beyond"]["lut"] for told in fits(problem, choices)]
    assert said == pytest.approx([problem.estimate(c).totals["lut"] / 900 for c in choices])


def test_points_say_among_which_foldings_they_are_proven(bitfront: Callable[..., Any]) -> None:
    asked = ("zoo:resnet18", "--on", "zcu104", "--formats", "int2/int4,int4/int4", "--objectives")
    assert points_of(bitfront, *asked, "loss,throughput_per_s")["proven_within"] == "foldings made for each format"
    assert points_of(bitfront, *asked, "loss,weight_bytes")["proven_within"] == ""
    assert "Proven among foldings made for each format." in bitfront("front", *asked, "loss,lut").stdout
