"""The whole loop on this machine's processor: measure, fit, predict, validate; the code that profiles a GPU."""

import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import costmodel as cm
from costmodel.catalog import UnknownNameError
from costmodel.hardware.calibration import read
from profilers import campaign, fit, pass_timing, rows_file, timing
from profilers.case import TRAINING, Case
from profilers.cpu import calls, machine
from profilers.networks import NETWORKS
from profilers.split_rows import split

KINDS = ("linear_fp32", "activation_gelu_fp32")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A campaign of a few seconds over two kinds of call, and one small network."""
    import torch

    out, threads, patch = tmp_path_factory.mktemp("campaign"), torch.get_num_threads(), pytest.MonkeyPatch()
    torch.set_num_threads(1)
    patch.setattr(machine, "COPY_BYTES", 32 * 2**20)
    patch.setattr(pass_timing, "_check_fits", lambda *_: None)
    target = campaign.cpu_target(0.5)
    drawn = [c for c in calls.calls(target.device, count=60) if c.math in KINDS and c.least_s < 1e-3]
    target = replace(target, calls=lambda _seed: drawn, cases=[("resnet18", "fp32", 1)])
    told = []
    campaign.measure(target, out, minutes=8 / 60, tell=told.append)
    text = campaign.fit(out)
    yield out, text, told
    torch.set_num_threads(threads)
    patch.undo()


def test_rows_of_both_kinds_say_how_they_were_measured(done):
    rows = pd.read_parquet(done[0] / campaign.ROWS)
    assert set(rows.math) == set(KINDS)
    assert len(rows) >= 24
    assert (rows.median_low_s <= rows.latency_s).all()
    assert (rows.threads == 1).all()
    assert f"{len(rows)} new rows" in " ".join(done[2])


def test_the_fit_predicts_rows_that_it_did_not_see(done):
    rows = pd.read_parquet(done[0] / campaign.ROWS)
    fits = {f.math: f for f in read(next((done[0] / campaign.CALIBRATIONS).glob("*.toml")))}
    assert set(fits) == set(KINDS)
    for math, found in fits.items():
        assert found.how == "calibrated"
        assert found.held_out_error["analytic_median"] < 0.5, math
    with campaign._home(done[0]):
        predicted = fit.validate(rows)
    assert len(predicted) == len(rows)
    assert (predicted.how == "calibrated").all()
    assert np.median(np.abs(predicted.predicted_s / predicted.latency_s - 1.0)) < 0.3
    assert ((predicted.low_s <= predicted.latency_s) & (predicted.latency_s <= predicted.high_s)).mean() > 0.7


def test_errors_that_are_printed_are_of_rows_that_no_fit_saw(done):
    fits = {f.math: f for f in read(next((done[0] / campaign.CALIBRATIONS).glob("*.toml")))}
    words = [line.split() for line in done[1].splitlines()]
    lines = {line[0]: line for line in words if line and line[0] in KINDS}
    assert set(lines) == set(KINDS)
    for math, (_, backend, unseen, rows, mape, *_rest) in lines.items():
        error = fits[math].held_out_error
        assert (backend, unseen, int(rows)) == ("torch", "folds", fits[math].rows)
        assert mape == f"{error['residual_mape']:.1%}"


def test_networks_are_predicted_beside_their_measurement(done):
    found = pd.read_csv(done[0] / campaign.PREDICTED)
    assert found.network.tolist() == ["resnet18"]
    assert (found.latency_s > 0).all()
    assert (found.low_s <= found.predicted_s).all()
    assert (found.predicted_s <= found.high_s).all()
    assert "resnet18" in done[1]


def test_rows_too_few_for_any_fit_are_kept_and_reported_with_the_passes(done, tmp_path):
    (tmp_path / campaign.DEVICES).mkdir()
    for device in (done[0] / campaign.DEVICES).iterdir():
        (tmp_path / campaign.DEVICES / device.name).write_bytes(device.read_bytes())
    rows = rows_file.read(done[0] / campaign.ROWS).groupby("math").head(4)
    rows_file.write(rows, tmp_path / campaign.ROWS)
    rows_file.write(rows_file.read(done[0] / campaign.NETWORKS), tmp_path / campaign.NETWORKS)
    text = campaign.fit(tmp_path)
    assert text.startswith("no kind has 10 rows, which a fit needs at least: measure longer")
    assert "resnet18" in text
    kinds = [f"{rows.gpu.iloc[0]} {kind} torch (4)" for kind in ("activation_gelu_fp32", "linear_fp32")]
    assert f"under 10 rows, so no fit: {', '.join(kinds)}" in text
    assert pd.read_csv(tmp_path / campaign.PREDICTED).predicted_s.item() > 0


def test_an_estimate_takes_the_calibration_and_says_so(done):
    with campaign._home(done[0]):
        name = pd.read_parquet(done[0] / campaign.ROWS).gpu.iloc[0]
        found = cm.estimate(cm.zoo.build("resnet18"), "fp32", cm.cpu(name))
    by = dict(zip([op.name for op in found.workload.ops], found.source, strict=True))
    assert by["fc"] == "calibrated (torch)"
    assert by["conv1"].startswith("roofline")
    assert 0 < found.totals["latency_low_s"] <= found.totals["latency_s"] <= found.totals["latency_high_s"]
    assert set(found.latency_sources) == {"calibrated", "roofline"}


def test_devices_and_calibrations_come_from_the_folder_for_the_fit_alone(done, monkeypatch):
    monkeypatch.setenv("BITFRONT_HOME", "elsewhere")
    with campaign._home(done[0]):
        assert os.environ["BITFRONT_HOME"] == str(done[0])
    assert os.environ["BITFRONT_HOME"] == "elsewhere"


def test_without_a_calibration_an_estimate_is_the_roofline(tmp_path, monkeypatch):
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))
    device = cm.hardware.Cpu("c", cm.hardware.PeakFlops(vector=1e11, fp32=1e11), 1e10, 2e10, 1)
    found = cm.estimate(cm.zoo.build("resnet18"), "fp32", device)
    assert set(found.source) == {"roofline"}
    assert "latency_low_s" not in found.totals


def test_a_file_of_several_tables_is_split():
    rows = pd.DataFrame({
        "table": ["gemm", "rate", "operation"], "m": [1.0, np.nan, 2.0], "area": [np.nan, np.nan, 1.0],
        "power_w": [1.0, 2.0, 3.0], "power_by": "energy counter", "math": ["bfloat16", "read", "softmax_bf16"],
        "bytes": [np.nan, 64.0, np.nan],
    })  # fmt: skip
    first, second = split(rows)
    assert list(first.columns) == ["m", "power_w", "power_by", "math"]
    assert list(second.columns) == ["m", "area", "power_by", "math"]
    with pytest.raises(ValueError, match="no row is of a table that a model predicts; there are rate"):
        split(rows[rows["table"] == "rate"])
    with pytest.raises(ValueError, match="no row is of a table that a model predicts: there are no rows"):
        split(rows.iloc[:0])


def test_rows_with_caches_flushed_are_not_pooled_with_others():
    rows = pd.DataFrame({"table": "gemm", "math": "bfloat16", "m": [1, 1, 2], "cache": ["warm", "flushed", "warm"]})
    told = []
    (part,) = split(rows, told.append)
    assert part.m.tolist() == [1, 2]
    assert told == ["1 rows measured with caches flushed are left out beside those without"]
    (cold,) = split(rows[rows.cache == "flushed"], told.append)
    assert len(cold) == 1
    assert "every row was measured with its caches flushed" in told[1]


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "all-minilm-l6-v2"])
def test_own_networks_have_the_parameters_that_the_zoo_counts(name):
    network = NETWORKS[name]
    module, inputs = network.build(2)
    assert sum(p.numel() for p in module.parameters()) == sum(op.params for op in network.workload(2).ops)
    assert len(inputs) == 2


def test_further_passes_are_measured_alone_and_kept_group_by_group(tmp_path, monkeypatch):
    case = Case("all-minilm-l6-v2", "fp32", 1)
    monkeypatch.setattr(campaign, "MORE_CASES", {"a": (case,), "b": (case._replace(run=TRAINING),)})
    monkeypatch.setattr(campaign, "PASS_S", 0.01)
    monkeypatch.setattr(timing, "LEAST_RUNS", 2)
    target, told = campaign.cpu_target(0.2, threads=1), []
    campaign.measure_more(target, tmp_path / "new", minutes=1.0, groups=["a", "b"], tell=told.append)
    rows = rows_file.read(tmp_path / "new" / campaign.NETWORKS)
    assert rows.run.tolist() == ["forward", "training"]
    assert [line.partition(":")[0] for line in told if "passes" in line] == ["a", "b"]
    with pytest.raises(UnknownNameError, match="unknown passes 'c'; known: a, b"):
        campaign.measure_more(target, tmp_path, minutes=1.0, groups=["c"], tell=told.append)
    with pytest.raises(ValueError, match="minutes must be positive"):
        campaign.measure_more(target, tmp_path, minutes=0.0, groups=["a"], tell=told.append)
