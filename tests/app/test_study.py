"""A study in small: trained, quantised, costed, concluded, resumed."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from app.demo import network
from app.study import conclusion, networks
from app.study.question import read
from app.study.run import run

SMALL = """
device = "zcu104"
throughput_per_s = 20e3
terms = 8
seeds = [0]
points = [1.0]
formats = ["int4", "e2m1"]

[networks]
tiny = 3
"""
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "minifloat_vs_int.toml"


def row(pair: str, accuracy: float, cost: float) -> dict[str, object]:
    shares = {
        "lut_per_mac": cost,
        "lut_per_mac_error": 0.05,
        "lut": cost,
        "lut_low": 0.9 * cost,
        "lut_high": 1.1 * cost,
        "beyond": "",
    }
    return {"pair": pair, "family": conclusion.family(pair), "accuracy": accuracy, "output_lut": cost / 10, **shares}


def test_a_small_study_runs_and_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(network, "train", partial(network.train, epochs=3))
    path, out = tmp_path / "small.toml", tmp_path / "out"
    path.write_text(SMALL)
    found = run(read(path), out)
    rows = found["networks"]["tiny"]["points"]
    assert {r["pair"]: r["family"] for r in rows} == {
        "int4/int4": "integer", "int4/e2m1": "mixed", "e2m1/int4": "mixed", "e2m1/e2m1": "minifloat",
    }  # fmt: skip
    assert all(0.1 < r["accuracy"] <= 1 and r["lut_low"] < r["lut"] < r["lut_high"] for r in rows)
    page = (out / "study.html").read_text()
    assert page.count("fp32") > 1
    assert "nan%" not in page
    kept = next(out.glob("accuracy_tiny_3_0.json"))
    part = {k: v for k, v in json.loads(kept.read_text()).items() if k != "e2m1/e2m1"}
    kept.write_text(json.dumps(part | {"fp32": 0.5}))
    again = run(read(path), out)
    assert [r["accuracy"] for r in again["networks"]["tiny"]["points"]] == [r["accuracy"] for r in rows]


def test_the_conclusion_is_computed() -> None:
    rows = [
        row("int4/int4", 0.98, 100),
        row("e2m1/e2m1", 0.985, 150),
        row("int4/e2m1", 0.9, 50),
        row("int8/int8", 0.99, 300),
    ]
    said = conclusion.sentences("net", rows, 0.99, [1.0])
    assert (
        "integer int4/int4 100, minifloat e2m1/e2m1 150; minifloat over integer 1.50, minifloats take more" in said[0]
    )
    assert "4 pairs, of which 2 integer, 1 minifloat, 1 mixed" in said[1]
    close = conclusion.sentences("net", [row("int4/int4", 0.98, 100), row("e2m1/e2m1", 0.98, 104)], 0.98, [1.0])
    assert "within the models' error of 10%: no difference shown" in close[0]
    assert "no pair reaches it" in conclusion.sentences("net", rows, 1.5, [1.0])[0]
    assert conclusion.sentences("net", rows[:1], 0.98, [1.0])[0].endswith("no minifloat pair reaches it.")
    mixed = [row("int4/e2m1", 0.98, 22960), rows[0]]
    assert "mixed int4/e2m1 22,960;" in conclusion.sentences("net", mixed, 0.98, [1.0])[2]
    large = [rows[0] | {"beyond": "lut 120%"}, rows[1]]
    assert conclusion.unfit(large, "zcu104")[0].startswith("1 of 2 pairs take more than zcu104 has")
    assert "integer int4/int4 100 (does not fit)" in conclusion.sentences("net", large, 0.98, [1.0])[2]
    assert not conclusion.unfit(rows, "zcu104")
    assert "to integer activations 10% on average" in conclusion.conversion(rows)


def test_the_example_is_read_and_covers_three_to_eight_bits() -> None:
    from costmodel.formats import get

    found = read(EXAMPLE)
    assert {get(name).bits for name in found.formats} == set(range(3, 9))
    assert len(found.pairs) == len(found.formats) ** 2
    assert len(found.networks) == 3
    assert found.throughput_per_s("minilm") == 1e3


@pytest.mark.long
def test_minilm_is_a_network_of_a_study(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(networks, "CALIBRATION", 4)
    monkeypatch.setattr(networks, "TEST", 6)
    path = tmp_path / "encoder.toml"
    path.write_text(SMALL.replace("tiny = 3", 'encoder = "minilm"').replace("[0]", "[0, 1]").replace("int4", "int8"))
    found = run(read(path), tmp_path / "out")["networks"]["encoder"]
    assert (found["quality"], found["seeds"]) == ("rank agreement with the full network", 1)
    assert found["fp32_accuracy"] == pytest.approx(1.0)
    best = {r["pair"]: r["accuracy"] for r in found["points"]}
    assert best["int8/int8"] > best["e2m1/e2m1"]
    assert all(r["lut_low"] < r["lut"] < r["lut_high"] and r["lut_per_mac"] > 5 for r in found["points"])
    assert "1 - rank agreement" in (tmp_path / "out" / "study.html").read_text()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("terms = 8", "terms = 0", "terms must be a whole number in its range, got 0"),
        ("seeds = [0]", "seeds = []", "must not be empty"),
        ("tiny = 3", "tiny = 1.5", "tiny must be a whole number in its range, got 1.5"),
        ('"e2m1"', '"e2m"', "unknown format 'e2m'"),
        ("device", "devise", "unknown key"),
        ("points = [1.0]\n", "", "points is missing"),
        ("points = [1.0]", "points = [-1.0]", "must be positive"),
        ("20e3", "{ small = 20e3 }", "throughput_per_s is one number or names every network, got small"),
    ],
)
def test_a_bad_study_is_one_line(
    refused_here: Callable[..., str], tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(SMALL.replace(old, new))
    assert message in refused_here("study", str(path), "--out", str(tmp_path))
