"""bitfront front: the exact front as JSON, and one clear line for bad input."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--objectives", "loss"), "two"),
        (("--objectives", "loss,loss"), "two different"),
        (("--objectives", "loss,wieght_bytes"), "weight_bytes"),
        (("--objectives", "loss,peak_activation_bytes"), "peak_activation_bytes"),
        (("--tie", "conv1,nope"), "nope"),
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
    assert [p["loss"] for p in json.loads(done.stdout)["points"]] == pytest.approx([p["loss"] for p in whole])
    assert whole[0]["supported"]
    assert len(kept.read_text().splitlines()) > len(whole)


def test_points_that_no_fpga_holds_say_so(bitfront: Callable[..., Any]) -> None:
    asked = ("front", "zoo:resnet18", "--on", "zcu104", "--formats", "int2,int4", "--objectives", "loss,lut")
    points = json.loads(bitfront(*asked, "--json").stdout)["points"]
    unfit = [point for point in points if not point["fits"]]
    assert 0 < len(unfit) < len(points)
    assert all(point["beyond"]["bram18"] > 1 for point in unfit)
    told = bitfront(*asked).stdout
    assert f"{len(unfit)} of {len(points)} points do not fit the device" in told
