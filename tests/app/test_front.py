"""bitfront front: the exact front as JSON, and one clear line for bad input."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

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
